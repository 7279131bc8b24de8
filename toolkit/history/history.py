"""A team's history in one object: load logs, keep records, read them as frames."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputDataError
from toolkit.history.address import Place, require_local, store_place
from toolkit.history.base import Dataset
from toolkit.history.frames import read_frame
from toolkit.history.importers import (
    ImportReport,
    log_places,
    open_source,
    run_import,
    usable_processes,
)
from toolkit.history.prices import installed_prices
from toolkit.history.reading import read_store
from toolkit.history.store import Addition, RecordStore
from toolkit.records import Record

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History"]

Progress = Callable[[float, float, str], None]


class History:
    """What a team's agents did, kept in a folder.

    Parameters
    ----------
    folder : path or str
        The store; `~` is expanded. It is made when something is first written. A store
        on object storage (`s3://BUCKET/PREFIX`) is only read.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC, datetime
    >>> from toolkit.records import Batch, Provenance
    >>> history = History(tempfile.mkdtemp())
    >>> batch = Batch(
    ...     record_id="a",
    ...     at=datetime(2026, 1, 5, tzinfo=UTC),
    ...     source="mine",
    ...     provenance=Provenance.MEASURED,
    ...     operation_type="fileOperations",
    ...     size=4,
    ...     cycle_s=12.0,
    ...     succeeded=4,
    ... )
    >>> print(history.append(batch))
    added
    >>> history.batches()[["operation_type", "size", "cycle_s"]].values.tolist()
    [['fileOperations', 4, 12.0]]
    """

    def __init__(self, folder: Place | str) -> None:
        self.place = _place(folder)

    def __repr__(self) -> str:
        return f"History({str(self.place)!r})"

    @property
    def folder(self) -> Path:
        """The store's folder.

        Raises
        ------
        UsageError
            It is on object storage.
        """
        return require_local(self.place)

    def load(
        self,
        source: str,
        *paths: Path | str,
        progress: Progress | None = None,
        **options: Any,
    ) -> ImportReport:
        """Import logs; what is known already, or has not changed, costs little.

        Parameters
        ----------
        source : str
            `claude-code`, `codex`, `opencode`, `copilot`, `gemini`, `pi`,
            `claude-flow`, `table`, `hooks`, `otlp` or `spool`.
        *paths : path or str
            Files and folders; without any, where that agent keeps its logs.
        progress : callable, optional
            Called with how many of how many files are done, and which is being read.
        **options
            What the source takes: `map_path` for `table`.

        Returns
        -------
        ImportReport
            What was read, what was new, and what was passed over.

        Raises
        ------
        InputDataError
            A path does not exist or holds nothing of this source.
        UsageError
            There is no such source.
        """
        reader = open_source(source, **options)
        found = [Path(path).expanduser() for path in paths] or _usual_places(source)
        with RecordStore(self.folder) as store:
            return run_import(
                reader,
                found,
                store,
                progress=progress,
                prices=installed_prices(self.folder),
                skip_unchanged=True,
                workers=usable_processes(),
            )

    def append(self, record: Record) -> Addition:
        """Keep a record; when this returns it is on disk.

        Parameters
        ----------
        record : Record

        Returns
        -------
        Addition
            What keeping it did: added, updated, or a duplicate.
        """
        return self.extend([record])[0]

    def extend(self, records: Iterable[Record]) -> list[Addition]:
        """Keep several records; when this returns they are on disk.

        Parameters
        ----------
        records : iterable of Record

        Returns
        -------
        list of Addition
            What keeping each one did.
        """
        with RecordStore(self.folder) as store:
            return store.add_all(list(records))

    @property
    def dataset(self) -> Dataset:
        """The records as they are now; reading never writes.

        Raises
        ------
        InputDataError
            There is no such store.
        """
        return read_store(self.place)

    def batches(self) -> "pd.DataFrame":
        """Read the batches: one row for each reply that called tools.

        Returns
        -------
        DataFrame
        """
        return read_frame(self.dataset, "batch")

    def turns(self) -> "pd.DataFrame":
        """Read the turns: one row for each reply of a model, with tokens and money.

        Returns
        -------
        DataFrame
        """
        return read_frame(self.dataset, "turn")

    def workflows(self) -> "pd.DataFrame":
        """Read the workflows: one row for each wave of agents or task of one agent.

        Returns
        -------
        DataFrame
        """
        return read_frame(self.dataset, "workflow")

    def calls(self) -> "pd.DataFrame":
        """Read the calls that touched a file, a memory key or another agent.

        One row a call, with the batch it belongs to. Other calls are counted in their
        batch and have no row.

        Returns
        -------
        DataFrame
        """
        return read_frame(self.dataset, "coordination")


def _place(named: Place | str) -> Place:
    place = store_place(named) if isinstance(named, str) else named
    return place.expanduser() if isinstance(place, Path) else place


def _usual_places(source: str) -> list[Path]:
    """Find where an agent keeps its logs on this machine."""
    places = log_places(Path.home(), os.environ).get(source, [])
    if not places:
        raise InputDataError(
            f"no logs of {source} are found where it keeps them",
            fix=f'name them: `history.load("{source}", PATH)`',
        )
    return places
