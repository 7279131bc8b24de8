"""A sweep's result as files small enough to live beside the code."""

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit.measurement.data_sheet import write_data_sheet
from toolkit.measurement.design import Design
from toolkit.measurement.machine import Machine
from toolkit.measurement.report import Report, summarise_sweep
from toolkit.records import KINDS, Batch, LoadSample, Record, Workflow

__all__ = ["write_archive"]

DIGITS = 4
FILES = {
    Batch.kind: "batches.jsonl.gz",
    Workflow.kind: "workflows.jsonl.gz",
    LoadSample.kind: "load.jsonl.gz",
}
"""Name of the file of each kind of record."""


def write_archive(
    directory: Path,
    measured: Mapping[str, Iterable[Mapping[str, Any]]],
    *,
    design: Design,
    machine: Machine,
) -> Report:
    """Write gzipped JSON lines, the machine, and a data sheet with the figures.

    The same records give the same bytes, whatever the order they are handed over in.

    Parameters
    ----------
    directory : path
        Made if need be; files of an earlier archive are replaced.
    measured : mapping of str to rows
        As `Sweep.measured` returns them.
    design : Design
    machine : Machine

    Returns
    -------
    Report
    """
    directory.mkdir(parents=True, exist_ok=True)
    records = [
        KINDS[str(row["kind"])].from_json(_rounded(row))
        for rows in measured.values()
        for row in rows
    ]
    records.sort(key=lambda record: (record.at, record.record_id))
    for kind, name in FILES.items():
        _write(directory / name, [r for r in records if r.kind == kind])
    text = json.dumps(machine.to_json(), indent=2)
    (directory / "machine.json").write_text(f"{text}\n")
    report = summarise_sweep(records)
    (directory / "README.md").write_text(write_data_sheet(report, design, machine))
    return report


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Round times to `DIGITS` significant digits and moments to milliseconds.

    What is left out is far below what two repeats differ by, and a third of the size.
    """
    kept = {
        name: float(f"{value:.{DIGITS}g}")
        if name.endswith("_s") and isinstance(value, float)
        else value
        for name, value in row.items()
    }
    moment = datetime.fromisoformat(str(row["at"]))
    kept["at"] = moment.isoformat(timespec="milliseconds")
    return kept


def _write(path: Path, records: Iterable[Record]) -> None:
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as stream,
    ):
        for record in records:
            line = json.dumps(record.to_json(), separators=(",", ":"))
            stream.write(line.encode("ascii") + b"\n")
