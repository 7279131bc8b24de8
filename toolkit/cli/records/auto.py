"""Imports the logs of every coding agent that is found on this machine."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli.output import print_note
from toolkit.cli.progress import progress
from toolkit.errors import InputDataError

if TYPE_CHECKING:
    from toolkit.history.importers import ImportReport

__all__ = ["found_logs", "import_found", "import_logs"]


def found_logs() -> dict[str, list[Path]]:
    """Find this user's logs, by source; only sources that can be imported."""
    from toolkit.history.importers import SOURCES, log_places

    places = log_places(Path.home(), os.environ)
    return {name: paths for name, paths in places.items() if name in SOURCES}


def import_logs(
    logs: Mapping[str, list[Path]], root: Path
) -> "dict[str, ImportReport]":
    """Import the logs of several sources into one store.

    Parameters
    ----------
    logs : mapping of str to list of path
        By source.
    root : path
        The store; made where it does not exist.

    Returns
    -------
    dict of str to ImportReport
        By source; a source of which no file can be read is left out with a note.
    """
    from toolkit.history import RecordStore, installed_prices
    from toolkit.history.importers import open_source, run_import, usable_processes

    reports, prices = {}, installed_prices(root)
    workers = usable_processes()  # before a progress bar has its thread
    with RecordStore(root) as store:
        for name, paths in logs.items():
            try:
                with progress(f"reading {name}") as shown:
                    reports[name] = run_import(
                        open_source(name),
                        paths,
                        store,
                        progress=shown,
                        prices=prices,
                        skip_unchanged=True,
                        workers=workers,
                    )
            except InputDataError as error:
                print_note(f"{name}: {error}")
    return reports


def import_found(root: Path, paths: Sequence[Path] = ()) -> "dict[str, ImportReport]":
    """Import everything that is found on this machine, or below some paths.

    Parameters
    ----------
    root : path
        The store.
    paths : sequence of path
        Files and folders of any agents' logs, sorted by their content; without any,
        where agents of this machine keep theirs.

    Returns
    -------
    dict of str to ImportReport
        By source.

    Raises
    ------
    InputDataError
        No agent's logs are found.
    """
    from toolkit.history.importers import PLACES, SOURCES

    logs = _sorted(paths) if paths else found_logs()
    if not logs:
        known = ", ".join(sorted(name for name in PLACES if name in SOURCES))
        where = "below these paths" if paths else f"looked for {known}"
        raise InputDataError(
            f"no logs of a coding agent are found ({where})",
            fix="name them: `toolkit records import SOURCE PATH`",
        )
    return import_logs(logs, root)


def _sorted(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Sort files by their agents, and print how many there are."""
    from toolkit.history.importers import sort_logs

    with progress("looking for logs"):
        logs, others = sort_logs(paths)
    for name, files in logs.items():
        print_note(f"{name}: {len(files):,} files")
    if others:
        print_note(
            f"{others:,} files are of no agent that is known, and are left alone"
        )
    return logs
