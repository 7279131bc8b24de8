"""Imports logs of other agents into a store of their own and reads what came of it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.records import Batch, Turn

__all__ = ["Imported", "import_logs", "lines"]


class Imported(NamedTuple):
    """What one import gave."""

    report: ImportReport
    batches: list[Batch]
    turns: list[Turn]
    reasons: list[str]


def lines(rows: Iterable[dict[str, Any]]) -> bytes:
    """Write rows as JSON lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def import_logs(source: str, store: Path, *paths: Path) -> Imported:
    """Import files or folders and compact the store."""
    with RecordStore(store) as opened:
        report = run_import(open_source(source), paths, opened)
        opened.compact()
        data = opened.dataset
        batches = list(data.scan("batch")) if data.days("batch") else []
        turns = list(data.scan("turn")) if data.days("turn") else []
        reasons = [row["reason"] for row in opened.rejected()]
    return Imported(
        report,
        [record for record in batches if isinstance(record, Batch)],
        [record for record in turns if isinstance(record, Turn)],
        reasons,
    )
