"""A journal of Optuna after a kill: its whole lines are used, the rest is set aside."""

import json
import logging
from pathlib import Path

from toolkit.records import replace_file

__all__ = ["keep_whole_lines"]

logger = logging.getLogger(__name__)


def keep_whole_lines(journal: Path) -> None:
    r"""Cut a journal where its first damaged line begins.

    What comes before that line is the journal as it was at some moment, so it can be
    replayed; what comes after may depend on what the line said. It is kept beside the
    journal, in a file that ends in `.damaged`.

    Parameters
    ----------
    journal : path
        Of Optuna's journal storage; it need not exist.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "j"
    >>> _ = path.write_bytes(b'{"op_code": 0}\n{"op_co')
    >>> keep_whole_lines(path)
    >>> path.read_bytes()
    b'{"op_code": 0}\n'
    """
    if not journal.exists():
        return
    data = journal.read_bytes()
    whole = _whole(data)
    if whole == len(data):
        return
    replace_file(journal.with_name(f"{journal.name}.damaged"), data[whole:])
    replace_file(journal, data[:whole])
    logger.warning(
        "%s ends in a damaged line; the trials before it are used", journal.name
    )


def _whole(data: bytes) -> int:
    end = 0
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            if not isinstance(json.loads(line), dict):
                break
        except ValueError:
            break
        end += len(line)
    return end
