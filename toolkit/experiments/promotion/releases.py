"""Which model serves: one small file of truth, and everything else made to agree.

::

    HOME/state.json            champion, challenger, what was decided last: the truth
    HOME/bundles/VERSION/      exported bundles, never changed once written
    HOME/current               link to the champion's bundle: what a runtime loads
    HOME/work/                 runs, studies, `mlflow.db` with the registry

Each change is one atomic replacement of `state.json`. The link and the registry's
aliases follow; where a process died in between, `settle` brings them up to date, and
until then the link still leads to the bundle before: whole, and loadable.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.bundle import read_bundle
from toolkit.errors import (
    BundleRefusedError,
    GateRefusedError,
    InputDataError,
    NotEnoughDataError,
)
from toolkit.export import copy_bundle
from toolkit.records import (
    make_directory,
    open_regular,
    read_given,
    replace_file,
    sync_directory,
)

__all__ = ["ReleaseState", "Releases", "Trained"]

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a version may be called: nothing that leads out of the folder of bundles."""

KEPT = 5
"""Bundles kept beside the champion and the one before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A challenger that has been trained, and how it did where it had not learned.

    Attributes
    ----------
    fingerprint : str
        Of the rows it learned from.
    version : str
    model_uri : str
    window_end : str
        Latest start among those rows, ISO 8601.
    scores : mapping of str to (group, guarded, rule)
        Log slowdowns on held-out problems, by the problem's name.
    """

    fingerprint: str
    version: str
    model_uri: str
    window_end: str
    scores: Mapping[str, tuple[str, float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseState:
    """The truth about what serves.

    Attributes
    ----------
    champion, previous : str or None
        Versions; `None` is the rule.
    window_end : str or None
        Latest record that the champion learned from; `None` after a rollback, until
        the bundle is asked.
    seen_end : str or None
        Latest record of the last decision: what is newer is the newest window.
    trained : Trained or None
        The latest challenger.
    decided : str or None
        Fingerprint of the rows that were decided on last.
    history : tuple of dict
        The latest decisions, oldest first.
    """

    champion: str | None = None
    previous: str | None = None
    window_end: str | None = None
    seen_end: str | None = None
    trained: Trained | None = None
    decided: str | None = None
    history: tuple[Mapping[str, Any], ...] = ()


class Releases:
    """The releases of one model.

    Parameters
    ----------
    home : path
        Created when something is kept.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    @property
    def current(self) -> Path:
        """What a runtime loads; absent while the rule serves."""
        return self.home / "current"

    def kept(self) -> list[str]:
        """List the versions whose bundles are kept, oldest first.

        Returns
        -------
        list of str
        """
        folder = self.home / "bundles"
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if path.is_dir())

    def bundle(self, version: str) -> Path:
        """Name the folder of a version's bundle.

        Parameters
        ----------
        version : str

        Returns
        -------
        path
            It need not exist.

        Raises
        ------
        InputDataError
            The version is not a plain name: the state was altered.
        """
        if not VERSION.fullmatch(version):
            raise InputDataError(
                "not a version's name",
                file=self.home / "state.json",
                got=version,
                fix="restore it from a backup",
            )
        return self.home / "bundles" / version

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the releases alone; the lock goes with the process that holds it.

        Yields
        ------
        None

        Raises
        ------
        GateRefusedError
            Another process holds them.
        """
        make_directory(self.home)
        descriptor = open_regular(self.home / ".lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise GateRefusedError(
                f"another process changes the releases in {self.home}; "
                "try again when it is done"
            ) from error
        finally:
            os.close(descriptor)

    def state(self) -> ReleaseState:
        """Read the truth.

        Returns
        -------
        ReleaseState
            Empty where nothing was released yet.

        Raises
        ------
        InputDataError
            The file was altered by hand.
        """
        path = self.home / "state.json"
        if not path.exists():
            return ReleaseState()
        try:
            row = json.loads(read_given(path))
            trained = row["trained"]
            row["trained"] = None if trained is None else Trained(**trained)
            row["history"] = tuple(row["history"])
            return ReleaseState(**row)
        except (ValueError, KeyError, TypeError) as error:
            raise InputDataError(
                "not a state of releases", file=path, fix="restore it from a backup"
            ) from error

    def write(self, state: ReleaseState) -> None:
        """Replace the truth, at once and durably.

        Parameters
        ----------
        state : ReleaseState
        """
        replace_file(
            self.home / "state.json",
            json.dumps(asdict(state), indent=1, allow_nan=False).encode(),
        )

    def keep(
        self, bundle: Path, version: str, extra_files: Mapping[str, bytes]
    ) -> None:
        """Keep an exported bundle under its version; a whole one stays as it is.

        Parameters
        ----------
        bundle : path
            Folder of the exported bundle.
        version : str
        extra_files : mapping of str to bytes
            More files to ship with it, by name.
        """
        if not self.bundle(version).exists():
            copy_bundle(bundle, self.bundle(version), extra_files=extra_files)

    def settle(self, alias: Callable[[str, str | None], None]) -> None:
        """Make the link and the registry agree with the truth; doing it again is free.

        Parameters
        ----------
        alias : callable
            Takes an alias and the version it shall name, or `None` for no version.
        """
        state = self.state()
        self._link(state.champion)
        alias("champion", state.champion)
        alias("challenger", None if state.trained is None else state.trained.version)
        self._prune(state)

    def rollback(
        self, publish: Callable[[ReleaseState], None] = lambda _: None
    ) -> ReleaseState:
        """Go back to the version before the champion; that may be the rule.

        Parameters
        ----------
        publish : callable, optional
            Takes what is about to be the truth, and raises where it may not be.

        Returns
        -------
        ReleaseState
            As it was written.

        Raises
        ------
        BundleRefusedError
            The bundle of that version is not as it was: nothing is changed.
        NotEnoughDataError
            Nothing was ever promoted.
        """
        state = self.state()
        if state.champion is None and state.previous is None:
            raise NotEnoughDataError(
                "a rollback", got=0, needed=1, unit="promoted versions"
            )
        if state.previous is not None:
            self._check(state.previous)
        step = {"outcome": "rolled back", "from": state.champion, "to": state.previous}
        state = replace(
            state,
            champion=state.previous,
            previous=state.champion,
            window_end=None,
            history=(*state.history, step)[-50:],
        )
        publish(state)
        self.write(state)
        return state

    def _check(self, version: str) -> None:
        """Load a kept bundle as a runtime would, before it is put in force."""
        folder = self.bundle(version)
        if folder.is_symlink():
            raise BundleRefusedError("a link instead of a folder", path=folder)
        read_bundle(folder)

    def _link(self, version: str | None) -> None:
        if version is None:
            self.current.unlink(missing_ok=True)
            return
        target = Path("bundles") / version
        if self.current.is_symlink() and self.current.readlink() == target:
            return
        draft = self.home / f".current-{os.getpid()}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(target, target_is_directory=True)
        draft.replace(self.current)
        sync_directory(self.home)

    def _prune(self, state: ReleaseState) -> None:
        folder = self.home / "bundles"
        if not folder.is_dir():
            return
        used = {state.champion, state.previous}
        if state.trained is not None:
            used.add(state.trained.version)
        idle = sorted(path for path in folder.iterdir() if path.name not in used)
        for path in idle[:-KEPT]:
            shutil.rmtree(path)
