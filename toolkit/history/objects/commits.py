"""The log of commits: which parts of a dataset on object storage are in force.

::

    PREFIX/log/000000000042.json

Commit 42 names all parts in force and all segments that are in them. It is created only
where there is no object of that name, by a writer that read commit 41: so commits follow one
another, and of two compactions that began from the same one, one wins. The newest
commit is the state; those before it are kept a while for who is reading them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.generation import DAY, KIND, Generation, Part, Parts
from toolkit.history.objects.base import MissingObjectError, Objects

__all__ = ["Commit", "CommitLog", "part_name", "target_of"]

FOLDER = "log"
PART = re.compile(r"(\d{12})-[0-9a-f]{32}\.parquet")
SEGMENT = re.compile(r"segments/[0-9a-f]{64}\.jsonl\.gz")
ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A state of the dataset.

    Attributes
    ----------
    number : int
        Rises by one; 0 before the first.
    writer : str
        Drawn by who wrote it: a write whose answer was lost is known by it.
    since : str
        First day that is kept, as `YYYY-MM-DD`; empty keeps everything.
    merged : frozenset of str
        Names of segments that are in the parts and may still be listed.
    parts : mapping
        Part by day, by kind.
    """

    number: int = 0
    writer: str = ""
    since: str = ""
    merged: frozenset[str] = frozenset()
    parts: Parts = field(default_factory=dict)

    @property
    def generation(self) -> Generation:
        """The commit as the generation of a folder that mirrors its parts."""
        return Generation(number=self.number, since=self.since, parts=self.parts)

    def objects(self) -> set[str]:
        """Name the objects of its parts."""
        return {
            part_name(kind, day, part)
            for kind, days in self.parts.items()
            for day, part in days.items()
        }


def part_name(kind: str, day: str, part: Part) -> str:
    """Name the object of a part."""
    return f"parts/kind={kind}/day={day}/{part.name}"


def target_of(name: str) -> int | None:
    """Give the number of the commit that a part was written for.

    Examples
    --------
    >>> target_of(
    ...     "parts/kind=turn/day=2026-01-05/000000000042-" + "a" * 32 + ".parquet"
    ... )
    42
    """
    found = PART.fullmatch(name.rpartition("/")[2])
    return int(found[1]) if found else None


class CommitLog:
    """The log of one store.

    Parameters
    ----------
    objects : Objects
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def entries(self) -> dict[int, datetime]:
        """List the commits that are kept, with the server's times."""
        return {_number(e.name): e.modified for e in self._objects.list(FOLDER)}

    def numbers(self) -> list[int]:
        """List the commits that are kept, oldest first."""
        return sorted(self.entries())

    def newest(self) -> Commit:
        """Read the state; commit 0 where there is none.

        Raises
        ------
        InputDataError
            The newest commit is damaged.
        """
        for _ in range(ATTEMPTS):
            numbers = self.numbers()
            if not numbers:
                return Commit()
            try:
                return self.read(numbers[-1])
            except MissingObjectError:
                continue  # newer ones came, and it was removed, since it was listed
        raise InputDataError(
            "its log changes faster than it can be read",
            file=self._objects.name,
            fix="run again",
        )

    def read(self, number: int) -> Commit:
        """Read one commit.

        Raises
        ------
        InputDataError
            It is damaged.
        MissingObjectError
            It is not there.
        """
        data = self._objects.read(_name(number))
        try:
            return _commit_of(number, json.loads(data))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputDataError(
                "not a commit",
                file=f"{self._objects.name}/{_name(number)}",
                fix="restore it from the bucket's versions, or remove it: the one before "
                "it counts then, and what was shipped since is shipped again with "
                "`toolkit records ship --again`",
            ) from error

    def append(self, commit: Commit) -> bool:
        """Put a commit in force, if it is the first of its number.

        Returns
        -------
        bool
            `False` where another won: nothing of this one counts.
        """
        row = {
            "number": commit.number,
            "writer": commit.writer,
            "since": commit.since,
            "merged": sorted(commit.merged),
            "parts": {
                kind: {
                    day: {"name": part.name, "size": part.size, "check": part.check}
                    for day, part in days.items()
                }
                for kind, days in commit.parts.items()
            },
        }
        text = json.dumps(row, separators=(",", ":"), sort_keys=True)
        if not self._objects.create(_name(commit.number), text.encode()):
            # Its answer may have been lost, and the request sent again.
            return self._is_ours(commit)
        # A log that went on meanwhile, and let go of this number, is not ours to extend.
        return self.numbers()[-1] == commit.number

    def _is_ours(self, commit: Commit) -> bool:
        try:
            return self.read(commit.number).writer == commit.writer
        except MissingObjectError:
            return False

    def remove_before(self, number: int) -> None:
        """Let go of the commits before one."""
        old = [each for each in self.numbers() if each < number]
        self._objects.remove([_name(each) for each in old])


def _name(number: int) -> str:
    return f"{FOLDER}/{number:012d}.json"


def _number(name: str) -> int:
    digits = name.removeprefix(f"{FOLDER}/").removesuffix(".json")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _commit_of(number: int, row: Mapping[str, Any]) -> Commit:
    merged = frozenset(map(str, row["merged"]))
    if row["number"] != number or not all(map(SEGMENT.fullmatch, merged)):
        raise ValueError("another commit's content")
    if row["since"] and not DAY.fullmatch(row["since"]):
        raise ValueError("not a day")
    return Commit(
        number=number,
        writer=str(row["writer"]),
        since=str(row["since"]),
        merged=merged,
        parts={
            kind: {day: _part_of(kind, day, part) for day, part in days.items()}
            for kind, days in row["parts"].items()
        },
    )


def _part_of(kind: str, day: str, row: Mapping[str, Any]) -> Part:
    """Read a part; its name becomes one of a file, so nothing else is taken."""
    part = Part(name=row["name"], size=int(row["size"]), check=int(row["check"]))
    if not (KIND.fullmatch(kind) and DAY.fullmatch(day) and PART.fullmatch(part.name)):
        raise ValueError("not the name of a part")
    return part
