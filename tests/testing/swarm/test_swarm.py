"""A swarm of real processes embeds every organ, and each of them works in it."""

import sqlite3
from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.records import Batch, Served, Spool
from toolkit.testing.swarm import SwarmSettings, embed_in_worker, run_swarm

EMBEDDING = Path(embed_in_worker.__code__.co_filename)
WORKERS, DURATION_S = 6, 2.5


def short(*, failures: float, size: int = 0, explore: float = 0.0) -> SwarmSettings:
    return SwarmSettings(
        workers=WORKERS,
        duration_s=DURATION_S,
        turn_s=0.05,
        failures=failures,
        size=size,
        explore=explore,
    )


@pytest.mark.slow
def test_every_organ_works_in_a_swarm_of_real_processes(tmp_path: Path) -> None:
    result = run_swarm(short(failures=0.2, explore=0.3), tmp_path)

    batches = [
        Batch.from_json(line.row)
        for line in Spool(tmp_path / "spool").lines()
        if line.row and line.row["kind"] == "batch"
    ]
    assert set(result.organs) >= {"coordination", "follower", "planner", "healing"}
    assert result.failures == {}
    assert set(result.records or {}) == {"batch", "coordination", "workflow"}
    assert {batch.agent_id for batch in batches} == {f"w{n}" for n in range(6)}
    assert any(batch.succeeded == batch.size for batch in batches)
    assert any(batch.succeeded == 0 and batch.failed for batch in batches)
    assert {batch.served for batch in batches} >= {Served.EXPLORED}
    assert all(0 < (batch.propensity or 0) <= 1 for batch in batches)


@pytest.mark.slow
def test_the_work_is_real_and_a_failed_batch_is_undone(tmp_path: Path) -> None:
    result = run_swarm(short(failures=0.05, size=4), tmp_path)

    with sqlite3.connect(tmp_path / "memory.sqlite") as memory:
        commits = memory.execute("SELECT sum(version) FROM memory").fetchone()[0]
    edits = sum(
        path.read_text().count("edit ") for path in (tmp_path / "files").rglob("*.txt")
    )
    seconds = WORKERS * DURATION_S
    assert result.whole * seconds == pytest.approx(4 * commits)
    assert edits == 4 * commits


def test_the_embedding_stays_short() -> None:
    lines = [line.strip() for line in EMBEDDING.read_text().splitlines()]
    code = [line for line in lines if line and not line.startswith('"""')]

    assert len(code) <= 60


def test_a_swarm_that_could_not_work_is_refused() -> None:
    with pytest.raises(UsageError, match="workers"):
        SwarmSettings(workers=0)


def test_the_documentation_quotes_the_embedding() -> None:
    page = Path("docs/how-to/embed-in-a-swarm.md").read_text(encoding="utf-8")

    assert EMBEDDING.read_text() in page
