"""A swarm of real processes embeds every organ, and each of them works in it."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.records import Batch, Recovery, Served, Spool, SpoolFollower
from toolkit.testing.swarm import ArmResult, SwarmSettings, run_swarm
from toolkit.testing.swarm.embedding import embed_in_worker
from toolkit.testing.swarm.work import Workplace

EMBEDDING = Path(embed_in_worker.__code__.co_filename)
WORKERS, DURATION_S = 6, 2.5
TASKS = 100_000


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

    batches = list(SpoolFollower(Spool(tmp_path / "spool")).records(Batch))
    assert set(result.organs) >= {"coordination", "follower", "planner", "healing"}
    assert result.failures == {}
    assert set(result.records or {}) >= {"batch", "coordination", "workflow"}
    assert {batch.agent_id for batch in batches} == {f"w{n}" for n in range(6)}
    assert any(batch.succeeded == batch.size for batch in batches)
    assert any(batch.succeeded == 0 and batch.failed for batch in batches)
    assert {batch.served for batch in batches} >= {Served.EXPLORED}
    assert all(0 < (batch.propensity or 0) <= 1 for batch in batches)


@pytest.mark.slow
def test_the_work_is_real_and_a_failed_batch_is_undone(tmp_path: Path) -> None:
    result = run_swarm(short(failures=0.05, size=4), tmp_path)

    with closing(sqlite3.connect(tmp_path / "memory.sqlite")) as memory:
        commits = memory.execute("SELECT sum(version) FROM memory").fetchone()[0]
    edits = sum(
        path.read_text().count("edit ") for path in (tmp_path / "files").rglob("*.txt")
    )
    seconds = WORKERS * DURATION_S
    assert result.whole * seconds == pytest.approx(4 * commits)
    assert edits == 4 * commits


@pytest.fixture(scope="module")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ArmResult]:
    """A swarm of which a worker is killed, and in which everything fails for a while."""
    directory = tmp_path_factory.mktemp("hurt")
    settings = replace(
        short(failures=0.02, explore=0.2),
        duration_s=4.0,
        look_s=0.2,
        kill_s=0.5,
        outage_s=(2.0, 3.0),
    )
    return directory, run_swarm(settings, directory)


def recoveries(directory: Path, issue: str) -> list[Recovery]:
    follower = SpoolFollower(Spool(directory / "spool"))
    return [each for each in follower.records(Recovery) if each.issue == issue]


@pytest.mark.slow
def test_a_killed_worker_is_started_again(hurt: tuple[Path, ArmResult]) -> None:
    directory, result = hurt
    seen = recoveries(directory, "stuck_agent")

    assert result.failures == {}
    assert {(each.action, each.outcome) for each in seen} == {
        ("spawn_replacement", "succeeded")
    }
    assert True in {each.post_condition for each in seen}


@pytest.mark.slow
def test_what_the_organs_know_is_exported(hurt: tuple[Path, ArmResult]) -> None:
    _, result = hurt

    assert result.metrics >= {
        "swarm_agents",
        "swarm_conflicting_writes_ratio",
        "swarm_duplicate_work_ratio",
        "swarm_objective_trials",
        "swarm_recoveries",
        "swarm_telemetry_dropped",
    }


@pytest.mark.slow
def test_no_task_is_lost_or_done_twice(hurt: tuple[Path, ArmResult]) -> None:
    directory, result = hurt
    done: Counter[int] = Counter()
    for path in (directory / "files").rglob("*.txt"):
        done.update(map(int, re.findall(r"^edit (\d+) ", path.read_text(), re.M)))

    assert result.tasks is not None
    assert result.tasks.held == 0
    assert set(done.values()) == {1}
    assert len(done) == result.tasks.done
    assert result.tasks.done + result.tasks.waiting == TASKS


def test_what_another_did_meanwhile_is_not_kept_twice(tmp_path: Path) -> None:
    killed = Workplace(tmp_path, "w0", failures=0.0, seed=0)
    killed.tasks.fill(3)
    for task in killed.take(3):
        killed.edit(task)
    killed.tasks.give_back("w0")
    other = Workplace(tmp_path, "w1", failures=0.0, seed=1)
    other.take(3)
    other.tasks.finish("w1")

    Workplace(tmp_path, "w0", failures=0.0, seed=0)

    assert list(killed.files.iterdir()) == []


def test_what_was_done_before_the_kill_is_kept(tmp_path: Path) -> None:
    killed = Workplace(tmp_path, "w0", failures=0.0, seed=0)
    killed.tasks.fill(3)
    for task in killed.take(2):
        killed.edit(task)
    killed.tasks.finish("w0")
    (killed.files / "9.new").touch()

    Workplace(tmp_path, "w0", failures=0.0, seed=0)

    assert sorted(each.name for each in killed.files.iterdir()) == ["1.txt", "2.txt"]


@pytest.mark.slow
def test_a_breakdown_of_the_coordination_is_reset_through_healing(
    hurt: tuple[Path, ArmResult],
) -> None:
    directory, result = hurt
    seen = recoveries(directory, "coordination_breakdown")

    assert [each.action for each in seen][:1] == ["reannounce_ownership"]
    assert {each.outcome for each in seen} == {"succeeded"}
    assert (result.records or {})["recovery"] >= len(seen)


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
