"""Lines of a spool that are no records: named, set aside, and the rest goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import InputDataError
from toolkit.records import (
    KINDS,
    Segment,
    SpoolLine,
    draft_file,
    encode,
    make_directory,
    read_spool_lines,
)

__all__ = ["Refused", "sort_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A spool line that is no record.

    Attributes
    ----------
    file : path
        The segment; its name is never used again.
    line : int
    reason : str
        What was wrong, without the content that was wrong.
    """

    file: Path
    line: int
    reason: str


def sort_out(
    segments: Sequence[Segment], work: Path, aside: Path
) -> tuple[list[Path], list[Refused]]:
    """Write the valid lines of some segments to files of their own.

    Parameters
    ----------
    segments : sequence of Segment
    work : path
        Folder for the files of valid lines.
    aside : path
        Folder for the lines that are none, as they were; one file a segment, so doing
        it again replaces it.

    Returns
    -------
    clean : list of path
    refused : list of Refused
    """
    clean: list[Path] = []
    refused: list[Refused] = []
    for number, path in segments:
        bad: list[bytes] = []
        clean.append(work / f"clean-{number:08d}.jsonl")
        before = 0
        with clean[-1].open("wb") as good, path.open("rb") as raw:
            for line in read_spool_lines(path):
                raw.seek(before)
                data = raw.read(line.end - before)
                before = line.end
                reason = _fault(line)
                if reason is None:
                    good.write(encode(line.row or {}))
                else:
                    bad.append(data)
                    refused.append(Refused(file=path, line=line.number, reason=reason))
        if bad:
            make_directory(aside)
            with draft_file(aside / path.name) as stream:
                stream.writelines(bad)
    return clean, refused


def _fault(line: SpoolLine) -> str | None:
    if line.row is None:
        return "not a JSON object"
    kind = KINDS.get(str(line.row.get("kind")))
    if kind is None:
        return "field `kind`: not a kind of record"
    try:
        kind.from_json(line.row)
    except InputDataError as error:
        return f"field `{error.field}`: {error.problem}"
    return None
