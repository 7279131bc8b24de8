"""The sample history that lies in the project: what it promises its users."""

import gzip
import json

import pytest

from tests.shared import ROOT
from toolkit.measurement.report import Report, summarise_sweep
from toolkit.records import KINDS, Batch, Provenance, Record, Workflow

SAMPLE = ROOT / "data" / "sample"


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [
        KINDS[str(row["kind"])].from_json(row)
        for path in sorted(SAMPLE.glob("*.jsonl.gz"))
        for row in map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    ]


@pytest.fixture(scope="module")
def report(records: list[Record]) -> Report:
    return summarise_sweep(records)


def test_the_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 3_000_000


def test_every_record_was_measured(records: list[Record]) -> None:
    assert {record.provenance for record in records} == {Provenance.MEASURED}


def test_there_are_groups_enough_to_hold_some_out(records: list[Record]) -> None:
    batches = {r.group_id for r in records if isinstance(r, Batch)}
    graphs = {r.group_id for r in records if isinstance(r, Workflow)}

    assert len(batches) >= 12
    assert len(graphs) >= 8


def test_every_action_was_tried_at_least_three_times_in_every_context(
    records: list[Record],
) -> None:
    repeats: dict[tuple[str | None, int], set[str | None]] = {}
    for record in records:
        if isinstance(record, (Batch, Workflow)):
            action = record.size if isinstance(record, Batch) else record.agents
            key = record.context_id, action
            repeats.setdefault(key, set()).add(record.session_id)

    assert min(map(len, repeats.values())) >= 3


def test_most_batch_contexts_are_best_strictly_inside_the_tried_range(
    report: Report,
) -> None:
    batches = [c for c in report.contexts if not c.kind.startswith("workflow")]

    assert sum(c.interior for c in batches) / len(batches) > 0.7


def test_best_sizes_differ_between_contexts(report: Report) -> None:
    best = {c.best for c in report.contexts if not c.kind.startswith("workflow")}

    assert len(best) >= 5


def test_the_data_sheet_shows_the_figures_of_these_records(report: Report) -> None:
    text = (SAMPLE / "README.md").read_text()

    assert all(f"| {' | '.join(row)} |" in text for row in report.table()[1])
