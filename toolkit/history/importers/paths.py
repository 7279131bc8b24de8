"""Finding the files to import: directories are walked once, whatever links do."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from toolkit.errors import InputDataError
from toolkit.history.importers.base import SourceFile

__all__ = ["find_files"]


def find_files(
    paths: Sequence[Path], wanted: Callable[[Path], bool]
) -> Iterator[SourceFile]:
    """Find files below some paths; a path that is a file is taken as it is.

    A directory that two links lead to is walked once, so a loop of links ends. Names
    are visited in order. One that may not be read is given as it is: reading it is
    refused with the reason, and the others are read.

    Parameters
    ----------
    paths : sequence of path
    wanted : callable
        Which files of a directory to take.

    Yields
    ------
    SourceFile
        Each file once.

    Raises
    ------
    InputDataError
        For a path that does not exist, or a directory without a wanted file.
    """
    for part, path in enumerate(paths):
        if not os.path.lexists(path):
            raise InputDataError("no such file or directory", file=path)
        if not path.is_dir():
            yield SourceFile(path, part)
            continue
        found = False
        for file in _walk(path, set()):
            if wanted(file) or file.is_dir():
                found = True
                yield SourceFile(file, part)
        if not found:
            raise InputDataError(
                "holds no file of this format", file=path, fix="give another path"
            )


def _walk(directory: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    try:
        status = directory.stat()
        with os.scandir(directory) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        yield directory
        return
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    for entry in ordered:
        path = directory / entry.name
        if path.is_dir():
            yield from _walk(path, seen)
        else:
            yield path
