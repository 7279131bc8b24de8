"""Load samples: the rolling windows of v2 and the probes of v3."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_flow.documents import read_rows
from toolkit.history.importers.claude_flow.moments import parse_time
from toolkit.history.importers.lines import reason_of
from toolkit.records import LoadSample, Provenance, record_id

__all__ = ["project_of", "read_probes", "read_windows"]

SNAPSHOT = re.compile(r"\d{4}")
"""A folder that numbers one version of the same directory in time."""
MEGABYTE = 2**20
MAX_NUMBER = 1e18


def project_of(path: Path) -> str:
    """Name the directory whose `.claude-flow` or database a file belongs to.

    The name of the innermost folder above the tool's own that is not a numbered
    snapshot: the same for all versions and copies of one project.

    Examples
    --------
    >>> project_of(Path("/w/hccg/0003/.claude-flow/metrics/system-metrics.json"))
    'hccg'
    """
    parts = list(path.resolve().parent.parts)
    tools = [n for n, part in enumerate(parts) if part.startswith(".")]
    above = parts[: tools[-1]] if tools else parts
    named = [part for part in above if not SNAPSHOT.fullmatch(part)]
    return named[-1] if named else ""


def read_windows(path: Path, sink: ImportSink) -> None:
    """Read a `system-metrics.json`: samples 30 s apart, over at most a day.

    Versions of a window overlap. A sample is known by its directory, its time, the
    machine's memory and its cores.
    """
    project = project_of(path)
    for number, row in read_rows(path, sink):
        try:
            sink.add(_sample(row, project, sink))
        except InputDataError as error:
            sink.reject(number, reason_of(error))


def read_probes(path: Path, sink: ImportSink) -> None:
    """Read v3's `performance/metrics.json`: CPU in per cent, memory in MB.

    Latencies and throughput there are those of a probe that computes square roots; they
    say nothing about a swarm and are not taken over.
    """
    project = project_of(path)
    for number, row in read_rows(path, sink):
        try:
            sink.add(_probe(row, project, sink))
        except InputDataError as error:
            sink.reject(number, reason_of(error))


def _sample(row: dict[str, Any], project: str, sink: ImportSink) -> LoadSample:
    at = parse_time(row.get("timestamp"))
    total, cores = row.get("memoryTotal"), row.get("cpuCount")
    return LoadSample(
        record_id=_identity(project, at, total, cores),
        at=at,
        source="claude-flow",
        source_version="v2",
        provenance=Provenance.MEASURED,
        host=sink.hidden(f"{total}/{cores}/{row.get('platform')}"),
        cpu=row.get("cpuLoad"),
        memory=_share(row.get("memoryUsagePercent")),
        memory_total_bytes=total,
        memory_used_bytes=row.get("memoryUsed"),
        cpu_cores=cores,
        uptime_s=row.get("uptime"),
    )


def _probe(row: dict[str, Any], project: str, sink: ImportSink) -> LoadSample:
    at = parse_time(row.get("timestamp"))
    cpu, memory = _part(row, "cpu"), _part(row, "memory")
    total, used = _bytes(memory.get("total")), _bytes(memory.get("used"))
    cores = cpu.get("cores")
    return LoadSample(
        record_id=_identity(project, at, total, cores),
        at=at,
        source="claude-flow",
        source_version="v3",
        provenance=Provenance.MEASURED,
        host=sink.hidden(f"{total}/{cores}"),
        cpu=_share(cpu.get("usage")),
        memory=used / total if used is not None and total else None,
        memory_total_bytes=total,
        memory_used_bytes=used,
        cpu_cores=cores,
    )


def _identity(project: str, at: datetime, total: object, cores: object) -> str:
    return record_id(
        "claude-flow", "load", project, at.isoformat(), str(total), str(cores)
    )


def _part(row: dict[str, Any], name: str) -> dict[str, Any]:
    part = row.get(name)
    if not isinstance(part, dict):
        raise InputDataError("not an object", field=name)
    return part


def _share(percent: Any) -> float | None:
    return None if percent is None else _number(percent) / 100


def _bytes(megabytes: Any) -> int | None:
    return None if megabytes is None else round(_number(megabytes) * MEGABYTE)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputDataError("not a number", field="cpu or memory")
    if not -MAX_NUMBER <= value <= MAX_NUMBER:  # NaN is not, either
        raise InputDataError("no such quantity", field="cpu or memory")
    return float(value)
