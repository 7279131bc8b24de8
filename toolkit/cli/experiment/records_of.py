"""The records that a specification learns from, and the folder it works in."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.places import local
from toolkit.cli.progress import Progress, progress

if TYPE_CHECKING:
    from toolkit.experiments.training import ExperimentSpec
    from toolkit.history import Dataset, Place, RecordStore

__all__ = ["add_record_options", "import_records", "spec_records", "work_folder"]


def add_record_options(parser: argparse.ArgumentParser) -> None:
    """Add the specification, the store and the work folder of a verb."""
    parser.add_argument("spec", type=local, metavar="SPEC", help="a spec.toml")
    records = parser.add_mutually_exclusive_group()
    add_store_option(records, reads=True, unnamed="those that the spec names")
    records.add_argument(
        "--table",
        type=local,
        metavar="PATH",
        help="the Parquet file or folder that `features build` wrote, in place of records",
    )
    parser.add_argument(
        "--work",
        type=local,
        metavar="DIR",
        help="where results, bundle, mlflow.db and the journal go "
        "(default: runs/ beside the spec)",
    )


def work_folder(options: argparse.Namespace) -> Path:
    """Name the work folder."""
    work: Path = options.work or options.spec.parent / "runs"
    return work


@contextmanager
def spec_records(
    spec: "ExperimentSpec",
    *,
    store: "Place | None",
    work: Path,
    report: "Progress",
    table: Path | None = None,
) -> "Iterator[RecordStore | Dataset | Path]":
    """Open the store of a specification, importing its own records if none is given.

    Parameters
    ----------
    spec : ExperimentSpec
    store : path, ObjectAddress or None
        One on object storage is only read.
    work : path
    report : callable
        Called with what is done of what.
    table : path, optional
        A feature table that takes the place of records.
    """
    from toolkit.history import RecordStore, open_store, read_store

    if table is not None:
        yield table
        return
    if store is not None:
        read_store(store)  # a mistyped name is refused, not made
    else:
        with RecordStore(work / "store") as records:
            import_records(spec.data.records, records)
    with open_store(
        work / "store" if store is None else store, report=report
    ) as opened:
        yield opened


def import_records(folder: str, records: Any) -> None:
    """Import the spooled records of a folder into a store."""
    from toolkit.errors import InputDataError
    from toolkit.history.importers import open_source, run_import

    path = Path(folder)
    if not path.exists():
        raise InputDataError(
            "no such folder of records",
            file=path,
            field="data.records",
            fix="run from the project's root, or give `--store DIR`",
        )
    with progress("importing") as shown:
        run_import(open_source("spool"), [path], records, progress=shown)
