"""A copy of a store that is a store: whole, as it was at one moment, with its modes.

What the dataset and the spool hold is copied under the readers' lock, so compactions and
appends go on meanwhile. The index and other notes that only save work are left out; the
next import makes them again.
"""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from toolkit.errors import InputDataError, StorageError, UsageError
from toolkit.history.dataset import LocalDataset
from toolkit.history.generation import (
    Generation,
    folder_of,
    write_generation,
)
from toolkit.history.snapshot import KindCount, is_unaltered, open_snapshot
from toolkit.history.version import check_version, require_store
from toolkit.records import (
    Spool,
    make_directory,
    replace_file,
    sync_directory,
    sync_file,
)

__all__ = ["back_up"]

REMADE = ("known.sqlite", "imports.sqlite", "dataset", "spool")
"""Entries of a store that are not copied as they are; the first two save work only."""

SQLITE_MAGIC = b"SQLite format 3\0"
BLOCK_BYTES = 1 << 20


def back_up(root: Path, target: Path) -> list[KindCount]:
    """Copy a store to a new folder, on disk when this returns.

    To restore it, copy the folder back, or name it as `--store`.

    Parameters
    ----------
    root : path
    target : path
        Must not exist; it appears whole or not at all.

    Returns
    -------
    list of KindCount
        What the copy holds, as read from it.

    Raises
    ------
    InputDataError
        There is no such store, a newer version wrote it, or a part of it is damaged.
    StorageError
        The disk is full or the target's folder cannot be written.
    UsageError
        The target exists, or lies within the store.
    """
    require_store(root)
    check_version(root)
    _check_target(root, target)
    draft = target.with_name(f".{target.name}-{os.urandom(4).hex()}")
    try:
        make_directory(target.parent)
        draft.mkdir(mode=0o700)
        _copy_records(root, draft)
        _copy_rest(root, draft)
        for path in _files(draft):
            sync_file(path)
        for folder in [path for path in draft.rglob("*") if path.is_dir()]:
            sync_directory(folder)
        shutil.copymode(root, draft)
        found = LocalDataset(draft / "dataset", Spool(draft / "spool")).summary()
        draft.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        raise StorageError(error.filename or target, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return found


def _check_target(root: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise UsageError(f"`{target}` exists; name a new folder for the backup")
    if target.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"`{target}` lies within the store; name a folder outside")


def _copy_records(root: Path, draft: Path) -> None:
    """Copy the generation in force and the segments behind it."""
    spool, copied = Spool(root / "spool"), draft / "spool"
    with open_snapshot(root / "dataset") as snapshot:
        _copy_parts(root / "dataset", draft / "dataset", snapshot.generation)
        number = snapshot.generation.merged
        for number, descriptor in spool.opened(after=snapshot.generation.merged):
            make_directory(copied)
            name = f"sealed-{number:08d}.jsonl"
            with open(os.dup(descriptor), "rb") as stream:  # noqa: PTH123 - of a descriptor
                stream.seek(0)
                _write_lines(stream.read(), copied / name, os.fstat(descriptor))
    if copied.exists():
        replace_file(copied / ".segment", b"%d\n" % (number + 1))
        shutil.copymode(root / "spool", copied)


def _copy_parts(dataset: Path, copied: Path, generation: Generation) -> None:
    if not dataset.exists():
        return
    make_directory(copied)
    for kind, days in generation.parts.items():
        for day, part in days.items():
            source, target = (folder_of(each, kind, day) for each in (dataset, copied))
            make_directory(target)
            with suppress(FileNotFoundError):
                shutil.copy(source / part.name, target / part.name)
            if not is_unaltered(target, part):
                raise InputDataError(
                    "damaged; a backup of it would be none",
                    file=source / part.name,
                    fix="run `toolkit records compact`, which sets it aside, and import "
                    "its sources again",
                )
    write_generation(copied, generation)
    for path in [copied, *copied.rglob("*")]:
        with suppress(FileNotFoundError):  # an older store has no generation.json
            shutil.copymode(dataset / path.relative_to(copied), path)


def _write_lines(data: bytes, target: Path, status: os.stat_result) -> None:
    """Write whole lines; what an append is just writing is not acknowledged yet."""
    target.write_bytes(data[: data.rfind(b"\n") + 1])
    target.chmod(stat.S_IMODE(status.st_mode))


def _copy_rest(root: Path, draft: Path) -> None:
    """Copy key, version, rejections, hook events, received signals and models."""
    for path in _entries(root):
        target = draft / path.relative_to(root)
        make_directory(target.parent)
        if path.is_symlink():
            if path.resolve().is_relative_to(root.resolve()):
                target.symlink_to(path.readlink())
        elif path.is_dir():
            make_directory(target)
        elif not path.is_file():
            raise InputDataError(
                "not a regular file; a backup without it would be none",
                file=path,
                fix="remove it, or put the file back that it stands for",
            )
        elif path.suffix == ".jsonl":
            _write_lines(path.read_bytes(), target, path.stat())
        elif _is_database(path):
            _copy_database(path, target)
        elif path.is_file():
            shutil.copy(path, target)
    for path in sorted(draft.rglob("*")):
        source = root / path.relative_to(draft)
        if path.is_dir() and not path.is_symlink() and source.is_dir():
            shutil.copymode(source, path)


def _entries(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        first = path.relative_to(root).parts[0]
        if not first.startswith(REMADE) and path.suffix not in ("-wal", "-shm"):
            yield path


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC


def _copy_database(path: Path, target: Path) -> None:
    """Copy what a database holds at one moment; a program may be writing to it."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=30)) as source,
        closing(sqlite3.connect(target)) as copied,
    ):
        source.backup(copied)
    shutil.copymode(path, target)
