"""Who may use a store: its owner alone, a group that reads it, or one that writes it."""

import os
import shutil
import stat
from enum import StrEnum
from pathlib import Path

from toolkit.errors import InputDataError, StorageError
from toolkit.history.version import check_version, require_store
from toolkit.records import ensure_inbox

__all__ = ["Access", "share_store"]


class Access(StrEnum):
    """What the group of a store may do with it."""

    NONE = "private"
    READ = "read"
    APPEND = "append"
    WRITE = "write"


DIRECTORY_MODES = {
    Access.NONE: 0o700,
    Access.READ: stat.S_ISGID | 0o750,
    Access.APPEND: stat.S_ISGID | 0o750,
    Access.WRITE: stat.S_ISGID | 0o770,
}
"""New files take after their directory (`toolkit.records.private_mode`)."""

FILE_MODES = {
    Access.NONE: 0o600,
    Access.READ: 0o640,
    Access.APPEND: 0o640,
    Access.WRITE: 0o660,
}

KEY_MODES = {**FILE_MODES, Access.WRITE: 0o640}


def share_store(root: Path, access: Access, group: str | None = None) -> int:
    """Give a store to a group, or take it back.

    With `Access.APPEND` members read the store and append what they import to spools of
    their own in its inbox; the owner's compactions take them in.

    Parameters
    ----------
    root : path
    access : Access
    group : str, optional
        Its name; the store's group stays unless given.

    Returns
    -------
    int
        Files and folders that were changed.

    Raises
    ------
    InputDataError
        There is no such store or no such group, or a newer version wrote the store.
    StorageError
        The store is another user's.
    """
    require_store(root)
    check_version(root)
    try:
        if access is Access.APPEND:
            ensure_inbox(root)
        paths = [root, *sorted(root.rglob("*"))]
        kept = [path for path in paths if _is_ours(path, root)]
        for path in kept:
            if group is not None:
                shutil.chown(path, group=group)
            path.chmod(_mode(path, root, access))
    except LookupError as error:
        raise InputDataError(
            "no such group", got=group, fix="make it, or name another"
        ) from error
    except OSError as error:
        raise StorageError(error.filename or root, error) from error
    if access is Access.APPEND:
        ensure_inbox(root)
    return len(kept)


def _is_ours(path: Path, root: Path) -> bool:
    """Tell whether a path is to be changed: what members made is theirs to change."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return False
    return path == root or status.st_uid == os.geteuid() or not os.geteuid()


def _mode(path: Path, root: Path, access: Access) -> int:
    if path.is_dir():
        return DIRECTORY_MODES[access]
    if path.parent == root and path.name == "key":
        return KEY_MODES[access]
    return FILE_MODES[access] | path.stat().st_mode & 0o100
