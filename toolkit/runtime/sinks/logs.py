"""Records as log lines, for those who have a log pipeline already."""

import logging

from toolkit.records import Record

__all__ = ["LoggingSink"]


class LoggingSink:
    """Writes every record as one log message with its fields as attributes.

    Parameters
    ----------
    logger : logging.Logger
    level : int
        Level of the messages.

    Examples
    --------
    >>> LoggingSink(logging.getLogger("swarm")).close()
    """

    def __init__(self, logger: logging.Logger, *, level: int = logging.INFO) -> None:
        self._logger = logger
        self._level = level

    def emit(self, record: Record, /) -> None:
        """Log a record; the message names its kind, `record.swarm` holds its fields."""
        if self._logger.isEnabledFor(self._level):
            row = record.to_json()
            self._logger.log(
                self._level, "swarm %s %s", record.kind, row, extra={"swarm": row}
            )

    def close(self) -> None:
        """Leave the logger to its owner."""
