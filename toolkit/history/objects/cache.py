"""A bounded copy on this machine of what was read from object storage.

::

    CACHE/kind=K/day=D/N-HASH.parquet
    CACHE/segments/SHA256.jsonl.gz
    CACHE/.readers               held by readers; held alone while files are removed

Objects never change, so a copy is good for ever: a command fetches what is new. Queries
then run on local files at full speed, without an extension of DuckDB that would have to
be downloaded, and one query sees one state whatever is compacted meanwhile. The files
that were not used for longest are removed when more than the limit is there.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from toolkit.errors import InputDataError, StorageError, UsageError
from toolkit.history.objects.base import MissingObjectError, Objects
from toolkit.records import make_directory, open_regular

__all__ = ["ObjectCache", "cache_of"]

SIZE = re.compile(r"([1-9]\d{0,5})(MB|GB)")
UNITS = {"MB": 2**20, "GB": 2**30}
DEFAULT_SIZE = "10GB"

AT_ONCE = 8
"""Objects fetched or written at the same time."""

READERS_NAME = ".readers"
DRAFT = ".draft-"
WORK = ".work-"


class ObjectCache:
    """Copies of objects of one store.

    Parameters
    ----------
    folder : path
        Made with its first file, its user's alone.
    limit_bytes : int
        What may stay there between two commands, and what one may need at once.
    """

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep what is there; at the end let go of what is over the limit."""
        try:
            make_directory(self.folder)
            path = self.folder / READERS_NAME
            descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StorageError(error.filename or self.folder, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield
            self._trim(descriptor)
        finally:
            os.close(descriptor)

    def path(self, name: str) -> Path:
        """Name the copy of an object."""
        return self.folder / name.removeprefix("parts/")

    def fetch(
        self,
        objects: Objects,
        sizes: Mapping[str, int],
        report: Callable[[float, float, str], None] | None = None,
    ) -> set[str]:
        """Copy the objects that are not here yet.

        Parameters
        ----------
        objects : Objects
        sizes : mapping of str to int
            Bytes, by name.
        report : callable, optional
            Called with how many MB of how many are here, and which came last.

        Returns
        -------
        set of str
            Names of those that are not on object storage any more.

        Raises
        ------
        InputDataError
            They are more than the limit, or the server does not answer.
        """
        if sum(sizes.values()) > self.limit_bytes:
            raise InputDataError(
                f"{_megabytes(sum(sizes.values()))} are needed on this machine, and the "
                f"cache may hold {_megabytes(self.limit_bytes)}",
                file=objects.name,
                fix="set TOOLKIT_CACHE to more, as 20GB",
            )
        absent = [n for n, size in sizes.items() if not self._holds(n, size)]
        total, done = sum(sizes[name] for name in absent), 0
        missing = set()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            copied = pool.map(lambda n: self._copied(objects, n), absent)
            for name, is_here in zip(absent, copied, strict=True):
                done += sizes[name]
                if not is_here:
                    missing.add(name)
                if report is not None:
                    report(done / 2**20, total / 2**20, "MB")
        return missing

    @contextmanager
    def work(self) -> Iterator[Path]:
        """Make a folder beside the copies, removed at the end; within `held`."""
        with tempfile.TemporaryDirectory(prefix=WORK, dir=self.folder) as folder:
            yield Path(folder)

    def drop(self, name: str) -> None:
        """Remove a copy that is not what it should be, so that it is fetched again."""
        self.path(name).unlink(missing_ok=True)

    def keep(self, name: str, file: Path) -> None:
        """Take over a file that was written to object storage."""
        with suppress(OSError):  # it is fetched when it is wanted
            make_directory(self.path(name).parent)
            file.replace(self.path(name))

    def _holds(self, name: str, size: int) -> bool:
        path = self.path(name)
        try:
            if path.stat().st_size != size:
                path.unlink()
                return False
            os.utime(path)
        except OSError:
            return False
        return True

    def _copied(self, objects: Objects, name: str) -> bool:
        target = self.path(name)
        draft = target.with_name(f"{DRAFT}{os.urandom(6).hex()}")
        try:
            make_directory(target.parent)
            objects.fetch(name, draft)
            draft.replace(target)
        except MissingObjectError:
            return False
        except OSError as error:
            raise StorageError(error.filename or target, error) from error
        finally:
            draft.unlink(missing_ok=True)
        return True

    def _trim(self, descriptor: int) -> None:
        """Remove what was not used for longest, where none else reads."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        files = [p for p in self.folder.rglob("*") if p.suffix in (".parquet", ".gz")]
        for draft in self.folder.rglob(f"{DRAFT}*"):
            draft.unlink(missing_ok=True)
        for work in self.folder.glob(f"{WORK}*"):  # of a compaction that died
            shutil.rmtree(work, ignore_errors=True)
        used = sorted((path.stat().st_mtime_ns, path) for path in files)
        over = sum(path.stat().st_size for path in files) - self.limit_bytes
        for _, path in used:
            if over <= 0:
                return
            over -= path.stat().st_size
            path.unlink(missing_ok=True)


def cache_of(name: str, environment: Mapping[str, str]) -> ObjectCache:
    """Open the cache of a store, in the user's cache folder.

    Parameters
    ----------
    name : str
        Address of the store.
    environment : mapping of str to str
        `TOOLKIT_CACHE` is its size, as `500MB` or `10GB`; `XDG_CACHE_HOME`, by default
        `~/.cache`, says where it lies.

    Raises
    ------
    UsageError
        `TOOLKIT_CACHE` is something else.
    """
    size = environment.get("TOOLKIT_CACHE", DEFAULT_SIZE)
    found = SIZE.fullmatch(size)
    if found is None:
        raise UsageError(
            f"TOOLKIT_CACHE is `{size}`, no size; write it as 500MB or 10GB"
        )
    home = Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get(
        "AWS_ENDPOINT_URL", ""
    )
    # Two servers may have buckets of one name.
    mark = sha256(f"{endpoint} {name}".encode()).hexdigest()[:16]
    return ObjectCache(
        home / "workflow-toolkit" / "objects" / mark,
        limit_bytes=int(found[1]) * UNITS[found[2]],
    )


def in_parallel(work: Callable[[str], None], names: Sequence[str]) -> None:
    """Do some work for several objects at the same time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(work, names):
            pass


def _megabytes(count: int) -> str:
    return f"{count / 2**20:,.0f} MB"
