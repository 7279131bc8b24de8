"""Runs real batches and task graphs on this machine and records what they cost.

`Sweep` measures a `Design`, `write_archive` keeps the result, `summarise` says in how many
contexts the best action lies strictly inside the range that was tried. Works on systems
with `fork` and `/proc` (Linux).
"""

from toolkit.records.measure.archive import write_archive
from toolkit.records.measure.design import Cell, Design
from toolkit.records.measure.load import (
    LOAD_LEVELS,
    LoadLevel,
    Utilisation,
    pressure,
    utilisation,
)
from toolkit.records.measure.machine import Machine, describe_machine
from toolkit.records.measure.report import ContextSummary, Report, summarise
from toolkit.records.measure.sweep import Sweep, default_design, quick_design

__all__ = [
    "LOAD_LEVELS",
    "Cell",
    "ContextSummary",
    "Design",
    "LoadLevel",
    "Machine",
    "Report",
    "Sweep",
    "Utilisation",
    "default_design",
    "describe_machine",
    "pressure",
    "quick_design",
    "summarise",
    "utilisation",
    "write_archive",
]
