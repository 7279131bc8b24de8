"""The secret of a store, with which names are hidden: drawn once, its owner's alone.

Standard library only: an installed hook draws the key of a store that is new.
"""

import os
from pathlib import Path

from toolkit.records.durable import (
    draft_file,
    ignore_in_git,
    make_directory,
    open_regular,
    private_mode,
    read_regular,
    sync_directory,
)

__all__ = ["read_or_draw_key", "replace_key"]

KEY_NAME = "key"
KEY_BYTES = 32
KEY_LEAST_BYTES = 16
KEY_MAX_BYTES = 64
"""What the hash accepts as a key."""


def read_or_draw_key(directory: Path) -> bytes:
    """Read a store's secret, drawing it the first time.

    The file is created exclusively and readable by its owner only, or by the group of a
    shared store; of two processes that start together one draws it and both read it. It is on disk before it is
    used: what is hidden with it must never outlive it.

    Parameters
    ----------
    directory : path
        The store's folder, made where it is missing.

    Returns
    -------
    bytes
        At least `KEY_LEAST_BYTES`.

    Raises
    ------
    OSError
        The file is a link or no small regular file.
    ValueError
        It is empty or too short for a key.
    """
    path = directory / KEY_NAME
    if not os.path.lexists(path):
        make_directory(directory)
        ignore_in_git(directory)
        _draw(path)
    key = read_regular(path, max_bytes=KEY_MAX_BYTES)
    if len(key) < KEY_LEAST_BYTES:
        raise ValueError(f"{len(key)} bytes, at least {KEY_LEAST_BYTES} needed")
    return key


def replace_key(directory: Path, key: bytes | None = None) -> None:
    """Put another secret in a store's place, durably and at once.

    Names that were hidden with the one before no longer match those that are hidden
    from now on.

    Parameters
    ----------
    directory : path
        The store.
    key : bytes, optional
        A team's, from another store; drawn unless given.

    Raises
    ------
    ValueError
        It is too short or too long for a key.
    """
    new = os.urandom(KEY_BYTES) if key is None else key
    if not KEY_LEAST_BYTES <= len(new) <= KEY_MAX_BYTES:
        raise ValueError(
            f"{len(new)} bytes, {KEY_LEAST_BYTES} to {KEY_MAX_BYTES} needed"
        )
    ignore_in_git(directory)
    with draft_file(directory / KEY_NAME, mode=_mode(directory)) as stream:
        stream.write(new)


def _mode(directory: Path) -> int:
    """Choose a key's mode: the group of a shared store reads it, its owner writes it."""
    return private_mode(directory) & ~0o020


def _draw(path: Path) -> None:
    draft = path.with_name(f".key-{os.urandom(8).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = open_regular(draft, flags, mode=_mode(path.parent))
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - of a descriptor
            stream.write(os.urandom(KEY_BYTES))
            stream.flush()
            os.fsync(descriptor)
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process drew the key first; its key is the store's
    finally:
        draft.unlink()
    sync_directory(path.parent)
