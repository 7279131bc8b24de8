"""What happened: the schema of records, the store, the importers.

`schema` and `spool` need the standard library only; the store, the Parquet dataset and
the importers need the `research` extra. So that a runtime may import the schema without
paying for the rest, this room's heavier names are loaded when they are first asked for.
"""

from typing import TYPE_CHECKING, Any

from toolkit.records.schema import (
    KINDS,
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Provenance,
    Record,
    Recovery,
    Workflow,
)
from toolkit.records.spool import Spool

if TYPE_CHECKING:
    from toolkit.records.dataset import Dataset
    from toolkit.records.store import Addition, RecordStore, Rejection

__all__ = [
    "KINDS",
    "Addition",
    "Batch",
    "CoordinationEvent",
    "Dataset",
    "LoadSample",
    "Outcome",
    "Provenance",
    "Record",
    "RecordStore",
    "Recovery",
    "Rejection",
    "Spool",
    "Workflow",
]

_LAZY = {
    "Addition": "store",
    "Dataset": "dataset",
    "RecordStore": "store",
    "Rejection": "store",
}


def __getattr__(name: str) -> Any:
    """Load the store's names when they are first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"toolkit.records.{_LAZY[name]}"), name)
