"""The machine that was measured, described without saying which one it is."""

import platform
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

__all__ = ["Machine", "describe_machine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the costs depend on; no name, no address, no path.

    Attributes
    ----------
    cpu_cores : int
        Logical cores.
    memory_bytes : int
        Physical memory.
    architecture, system, kernel : str
        As the system calls them.
    python, sqlite : str
        Versions.
    file_system : str
        Type of the file system that the files and stores lay on.
    """

    cpu_cores: int
    memory_bytes: int
    architecture: str
    system: str
    kernel: str
    python: str
    sqlite: str
    file_system: str

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return asdict(self)


def describe_machine(directory: Path) -> Machine:
    """Describe this machine and the file system of a directory.

    Parameters
    ----------
    directory : path
        Where the measurements write.

    Returns
    -------
    Machine

    Examples
    --------
    >>> describe_machine(Path("/")).cpu_cores > 0
    True
    """
    return Machine(
        cpu_cores=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        architecture=platform.machine(),
        system=platform.system(),
        kernel=platform.release().split("-")[0],
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        file_system=_file_system(directory),
    )


def _file_system(directory: Path) -> str:
    """Type of the innermost mount that holds the directory; `unknown` if none does."""
    path = directory.resolve()
    holding = [
        mount
        for mount in psutil.disk_partitions(all=True)
        if path.is_relative_to(mount.mountpoint)
    ]
    if not holding:
        return "unknown"
    return max(holding, key=lambda mount: len(mount.mountpoint)).fstype
