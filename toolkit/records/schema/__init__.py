"""The six kinds of record, one frozen dataclass each.

Units are SI and in the names; ratios are 0 to 1; timestamps are aware and in UTC; a
value that is not known is `None`, never 0. Texts, paths, commands and prompts have no
field here: a record holds counts, times, classes and hashes only.

Rows of version 1 are read: what it did not have is unknown, and what it wrote
differently is rewritten by `Record.upgrade`.
"""

from collections.abc import Mapping

from toolkit.records.schema.base import Observed, Record
from toolkit.records.schema.batch import MEASURED_MARK, Batch
from toolkit.records.schema.rules import (
    ENUMS,
    MAX_TEXT,
    FieldRule,
    Outcome,
    Provenance,
    Served,
    Timing,
    field_rules,
)
from toolkit.records.schema.swarm import CoordinationEvent, LoadSample, Recovery
from toolkit.records.schema.turn import Turn
from toolkit.records.schema.workflow import Workflow

__all__ = [
    "ENUMS",
    "KINDS",
    "MAX_TEXT",
    "MEASURED_MARK",
    "SCHEMA_VERSION",
    "Batch",
    "CoordinationEvent",
    "FieldRule",
    "LoadSample",
    "Observed",
    "Outcome",
    "Provenance",
    "Record",
    "Recovery",
    "Served",
    "Timing",
    "Turn",
    "Workflow",
    "field_rules",
]

SCHEMA_VERSION = 2
"""Raised when a field is added or changes its meaning."""

KINDS: Mapping[str, type[Record]] = {
    cls.kind: cls
    for cls in (Batch, CoordinationEvent, Workflow, LoadSample, Recovery, Turn)
}
"""Record class by kind."""
