"""Times as claude-flow writes them: milliseconds, seconds, ISO text, SQLite text."""

from datetime import UTC, datetime, timedelta
from typing import Any

from toolkit.errors import InputDataError

__all__ = ["duration_s", "parse_time"]

MILLISECONDS_FROM = 10**11
"""Numbers from here on are milliseconds: as seconds they would lie in the year 5138."""


def parse_time(value: Any) -> datetime:
    """Read a time; numbers are milliseconds or seconds since 1970, whichever fits.

    Text without a zone, as SQLite's `CURRENT_TIMESTAMP` writes it, is UTC.

    Raises
    ------
    InputDataError
        It is not a time.

    Examples
    --------
    >>> parse_time(1765046417444) == parse_time("2025-12-06T18:40:17.444Z")
    True
    >>> parse_time(1758127074) == parse_time("2025-09-17 16:37:54")
    True
    """
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
            zoned = read.replace(tzinfo=UTC) if read.tzinfo is None else read
            return zoned.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise InputDataError("not a time", field="timestamp") from error
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise InputDataError("not a time", field="timestamp")
    scale = 1000 if value >= MILLISECONDS_FROM else 1
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value / scale)
    except (OverflowError, ValueError) as error:
        raise InputDataError("not a time", field="timestamp") from error


def duration_s(milliseconds: Any) -> float | None:
    """Turn a duration in milliseconds into seconds; what is not one is not known.

    Examples
    --------
    >>> duration_s(13.5), duration_s(None), duration_s(-1)
    (0.0135, None, None)
    """
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return None
    return milliseconds / 1000 if 0 <= milliseconds < 1e15 else None
