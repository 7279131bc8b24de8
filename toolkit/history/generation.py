"""Generations of a dataset: which files are in force, in one small file.

::

    DATASET/generation.json
    DATASET/kind=K/day=D/part-NNNNNNNN.parquet

A compaction writes new part files beside the old ones, syncs them, and then replaces
`generation.json`: that one step puts all of them in force together with the number of
the last spool segment that they hold. What the file does not name is not there.
"""

import json
import logging
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from toolkit.escaping import printable
from toolkit.records import read_regular, replace_file

__all__ = [
    "GENERATION_NAME",
    "Generation",
    "Part",
    "read_generation",
    "write_generation",
]

logger = logging.getLogger(__name__)

GENERATION_NAME = "generation.json"
MAX_BYTES = 2**28
PART_NAME = re.compile(r"part(-(\d{8}))?\.parquet")
KIND = re.compile(r"[a-z_]{1,40}")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
PARQUET_MAGIC = b"PAR1"
SMALLEST_BYTES = 12
READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""To open a pipe this way waits for no writer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One Parquet file.

    Attributes
    ----------
    name : str
        Of the file, in the folder of its kind and day.
    size : int or None
        Bytes; `None` where it was written before generations.
    check : int or None
        CRC-32 of its content.
    """

    name: str
    size: int | None = None
    check: int | None = None

    def is_whole(self, folder: Path) -> bool:
        """Look at size and magic: whether the file is there, uncut and not empty.

        A pipe or a device in its place is no part; to open it waits for none.

        Raises
        ------
        OSError
            It cannot be read at this moment, which does not say that it is damaged.
        """
        try:
            descriptor = os.open(folder / self.name, READING)
            with open(descriptor, "rb") as stream:  # noqa: PTH123 - of a descriptor
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return False
                size = stream.seek(0, 2)
                if size < SMALLEST_BYTES or self.size not in (None, size):
                    return False
                stream.seek(-len(PARQUET_MAGIC), 2)
                return stream.read() == PARQUET_MAGIC
        except FileNotFoundError:
            return False


Parts = Mapping[str, Mapping[str, Part]]
"""Part by day, by kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The state of a dataset between two compactions.

    Attributes
    ----------
    number : int
        Rises by one with each compaction; 0 where there was none with generations.
    merged : int
        Number of the last spool segment whose lines are in the parts.
    lost : int
        Number of the last generation that dropped a damaged part.
    since : str
        First day, as `YYYY-MM-DD`, that is kept; what is older is neither read nor
        merged. Empty keeps everything.
    parts : mapping
        Part by day, by kind.
    """

    number: int = 0
    merged: int = 0
    lost: int = 0
    since: str = ""
    parts: Parts = field(default_factory=dict)

    def days(self, kind: str) -> list[str]:
        """List the days of which there are records, in order."""
        return sorted(self.parts.get(kind, {}))


def folder_of(root: Path, kind: str, day: str) -> Path:
    """Name the folder of one kind and day."""
    return root / f"kind={kind}" / f"day={day}"


def read_generation(root: Path) -> Generation:
    """Read which files of a dataset are in force.

    Where `generation.json` is missing (an older store) or damaged, the newest file of
    every folder is taken, and every spool segment as not merged: merging again what is
    there already changes nothing.

    Parameters
    ----------
    root : path
        The dataset; it need not exist.
    """
    try:
        row = json.loads(read_regular(root / GENERATION_NAME, max_bytes=MAX_BYTES))
        return Generation(
            number=int(row["number"]),
            merged=int(row["merged"]),
            lost=int(row["lost"]),
            since=_day(row.get("since", "")),
            parts=_parts_of(row["parts"]),
        )
    except FileNotFoundError:
        return _found(root)
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.warning(
            "%s is damaged; the newest parts are taken",
            printable(str(root / GENERATION_NAME)),
        )
        return _found(root)


def write_generation(root: Path, generation: Generation) -> None:
    """Put a generation in force, durably and at once.

    Raises
    ------
    OSError
        The disk is full or not ours to write; the generation before stays in force.
    """
    text = json.dumps(asdict(generation), separators=(",", ":"), sort_keys=True)
    replace_file(root / GENERATION_NAME, text.encode())


def _parts_of(rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Parts:
    return {
        kind: {day: _part_of(kind, day, part) for day, part in days.items()}
        for kind, days in rows.items()
    }


def _part_of(kind: str, day: str, row: Mapping[str, Any]) -> Part:
    """Read a part; a name that leads out of the dataset is no part's name."""
    part = Part(**row)
    if not PART_NAME.fullmatch(part.name) or not _is_folder(kind, day):
        raise ValueError("not the name of a part")
    return part


def _day(text: str) -> str:
    if text and not DAY.fullmatch(text):
        raise ValueError("not a day")
    return text


def _found(root: Path) -> Generation:
    parts: dict[str, dict[str, Part]] = {}
    highest = 0
    for path in sorted(root.glob("kind=*/day=*/part*.parquet"), key=_age):
        kind, day = path.parent.parent.name[5:], path.parent.name[4:]
        if PART_NAME.fullmatch(path.name) and _is_folder(kind, day):
            highest = max(highest, _age(path))
            parts.setdefault(kind, {})[day] = Part(name=path.name)
    return Generation(number=highest, parts=parts)


def _age(path: Path) -> int:
    match = PART_NAME.fullmatch(path.name)
    return int(match[2] or 0) if match else 0


def _is_folder(kind: str, day: str) -> bool:
    return bool(KIND.fullmatch(kind) and DAY.fullmatch(day))
