"""What happened: the schema of records, the store, the importers.

`schema` and `spool` need the standard library only; the store, the Parquet dataset and
the importers need the `research` extra. Every name is loaded when it is first asked for:
an installed hook, which starts a process for each tool call, pays for the spool alone.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.records.dataset import Dataset
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
    "Spool": "spool",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for; what is not listed is the schema's."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"toolkit.records.{_LAZY.get(name, 'schema')}")
    value = globals()[name] = getattr(module, name)
    return value
