import json
from pathlib import Path
from typing import Any

import pytest

from tests.advice_tables import write_table
from tests.bundle.test_advice import AXES, TOOLS, decide
from tests.scenarios.hook_session import Harness, play
from toolkit.bundle import AdviceTable
from toolkit.cli import run
from toolkit.history import RecordStore, compact_store
from toolkit.records import Batch, Spool

pytestmark = pytest.mark.slow

BATCHES = [
    [("Read", "ok"), ("Read", "ok")],
    [("Edit", "ok"), ("Edit", "failed")],
    [("Read", "ok")] * 8,
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    table = AdviceTable.tabulate(
        decide,
        policy="guarded",
        policy_version="7",
        operation_types=["fileOperations"],
        axes=AXES[1:],  # the load of the machine that tests run on decides nothing
        tools=TOOLS,
    )
    write_table(tmp_path / "bundle", table.dumps())
    return tmp_path


def install(project: Path, advice: str) -> Harness:
    words = ["install", "--project", str(project), "--advice", advice]
    assert run(["hooks", *words, "--bundle", str(project / "bundle")]) == 0
    return Harness(project)


def decisions(project: Path) -> list[dict[str, Any]]:
    rows = [line.row or {} for line in Spool(project / ".toolkit" / "hooks").lines()]
    return [row for row in rows if row.get("event") == "advice"]


def recorded(project: Path) -> list[Batch]:
    store_path = project / ".toolkit"
    with RecordStore(store_path) as store:
        compact_store(store)
        return [r for r in store.dataset.scan("batch") if isinstance(r, Batch)]


def test_a_session_played_through_the_hooks_becomes_its_batches(project: Path) -> None:
    play(install(project, "off"), BATCHES)

    assert [(b.size, b.succeeded, b.failed) for b in recorded(project)] == [
        (2, 2, 0),
        (2, 1, 1),
        (8, 8, 0),
    ]


def test_advice_is_spoken_once_a_batch_and_its_decision_recorded(project: Path) -> None:
    harness = install(project, "on")
    play(harness, BATCHES)

    sizes = [batch.policy for batch in recorded(project)]
    assert len(harness.said) == 1
    assert harness.said[0].startswith("Batch size: about")
    assert len(decisions(project)) == 3
    assert all(row["propensity"] == 0.9 for row in decisions(project))
    assert sizes[0] is None
    assert sizes[1] is not None


def test_shadow_mode_writes_what_it_would_have_said(project: Path) -> None:
    harness = install(project, "shadow")
    play(harness, BATCHES)

    assert harness.said == []
    assert len([row for row in decisions(project) if "said" in row]) == 1
    assert {row["mode"] for row in decisions(project)} == {"shadow"}


def test_a_bundle_that_is_gone_leaves_the_session_alone(project: Path) -> None:
    harness = install(project, "on")
    (project / "bundle" / "advice.json").write_text("{")
    play(harness, BATCHES[:1])

    assert harness.said == []
    assert [row["reason"] for row in decisions(project)] == ["no_table"]


def test_status_tells_what_was_recorded(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(install(project, "off"), BATCHES)
    capsys.readouterr()
    run(["hooks", "status", "--project", str(project), "--json"])

    found = json.loads(capsys.readouterr().out)["recorded"]
    assert (found["batches"], found["sessions"], found["unreadable"]) == (3, 1, 0)
    assert found["events"]["PostToolBatch"] == 3
