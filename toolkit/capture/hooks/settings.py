"""A `settings.json` of Claude Code: read, checked, and written as it was found."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.records import draft_file, read_given

__all__ = ["SettingsFile", "dump", "hooks_of"]

FIX = "mend it by hand; nothing was changed"


class SettingsFile:
    """One settings file; a link stays a link, and a mode stays a mode.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """Read the file; `None` where there is none.

        Raises
        ------
        InputDataError
            It is a folder, or cannot be read.
        """
        try:
            return read_given(self.path)
        except (FileNotFoundError, NotADirectoryError):
            if self.path.parent.exists() and not self.path.parent.is_dir():
                raise InputDataError(
                    "a file is where the folder should be", file=self.path.parent
                ) from None
            return None
        except OSError as error:
            raise InputDataError(
                f"cannot be read: {error.strerror}", file=self.path
            ) from error

    def parse(self, data: bytes | None) -> dict[str, Any]:
        """Parse settings and check the parts that we change.

        Raises
        ------
        InputDataError
            They are not JSON of the expected shape, or could not be written back.
        """
        if data is None or not data.strip():
            return {}
        try:
            value = json.loads(
                data.decode("utf-8-sig"),
                object_pairs_hook=_once_each,
                parse_constant=_unwritable,
                parse_float=_finite,
            )
        except _UnwritableError as error:
            raise InputDataError(str(error), file=self.path, fix=FIX) from error
        except (ValueError, RecursionError) as error:
            raise InputDataError("not valid JSON", file=self.path, fix=FIX) from error
        if problem := _problem(value):
            raise InputDataError(problem, file=self.path, fix=FIX)
        return dict(value)

    def write(self, data: bytes) -> None:
        """Write the file whole or not at all, behind whatever link leads to it.

        It is on disk when this returns: settings that a power cut left empty would be
        the user's settings lost.
        """
        target = self.path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        with draft_file(target, mode=mode) as stream:
            stream.write(data)

    def remove(self) -> None:
        """Remove the file; a link that led to it stays."""
        self.path.resolve().unlink()


def hooks_of(settings: Mapping[str, Any]) -> Mapping[str, list[dict[str, Any]]]:
    """List the groups of hooks by event."""
    return settings.get("hooks") or {}


def dump(value: Mapping[str, Any], like: bytes | None) -> bytes:
    """Write settings with the indent and the line ends that they had."""
    indent: int | str = 2
    second = (like or b"").split(b"\n")[1:2]
    if second and (margin := second[0][: -len(second[0].lstrip()) or None]):
        indent = "\t" if b"\t" in margin else len(margin)
    text = json.dumps(value, indent=indent, ensure_ascii=False) + "\n"
    if b"\r\n" in (like or b""):
        text = text.replace("\n", "\r\n")
    return text.encode("utf-8", "surrogatepass")


class _UnwritableError(ValueError):
    """Something that a reader accepts and that would be lost when written again."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; of a name that stands twice, a reader keeps one value only."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _UnwritableError(f"`{twice}` stands twice in one object")
    return found


def _unwritable(word: str) -> float:
    raise _UnwritableError(f"{word} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _UnwritableError(f"{text} is too large for a number")
    return number


def _problem(value: object) -> str | None:
    if not isinstance(value, dict):
        return "not a JSON object"
    hooks = value.get("hooks", {})
    if not isinstance(hooks, dict):
        return "`hooks` is not an object"
    for event, groups in hooks.items():
        if not isinstance(groups, list):
            return f"`hooks.{event}` is not a list"
        for group in groups:
            if not isinstance(group, dict):
                return f"`hooks.{event}` must hold objects"
            if not isinstance(group.get("hooks", []), list):
                return f"a group of `hooks.{event}` has no list of hooks"
    return None
