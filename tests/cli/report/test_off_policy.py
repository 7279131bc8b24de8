"""Claims about `report off-policy` from the command line, with the sample's own bundle."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.bundle_factory import agent_bundle
from tests.small_sample import small_sample
from toolkit.bundle import read_bundle
from toolkit.cli import run
from toolkit.experiments.training import ExperimentSpec, run_experiment
from toolkit.experiments.training.spec import SearchSpec, SplitSpec
from toolkit.history import RecordStore
from toolkit.policies import Policy, Problem
from toolkit.records import Batch

# The first of its tests imports the sample, and trains on it.
pytestmark = pytest.mark.timeout(240)

START = datetime(2026, 1, 5, tzinfo=UTC)
HABIT = 6
"""The size that the logs take where they do not explore; measured in every context."""
SPEC = ExperimentSpec(
    name="batch-size",
    decision="batch_size",
    question="Which size?",
    search=SearchSpec(trials=1, members=("quadratic", "constant")),
    split=SplitSpec(outer_folds=2, inner_folds=2),
)
SESSIONS, TURNS = 80, 20
ROWS = 6_840
"""Batches of the small sample."""

Cells = dict[str, dict[int, list[Batch]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def sample(folder: Path) -> Path:
    count = small_sample(folder / "small", repeats=15)
    words = ["records", "import", "spool", str(folder / "small"), "--store"]
    assert run([*words, str(folder)]) == 0
    assert count == ROWS
    return folder


@pytest.fixture(scope="module")
def bundle(sample: Path) -> Path:
    with RecordStore(sample) as store:
        return run_experiment(
            SPEC, store, work=sample / "work", now=START, report=lambda *_: None
        ).bundle


@pytest.fixture(scope="module")
def cells(sample: Path) -> Cells:
    """Measured batches of the sample by context and size."""
    found: Cells = {}
    with RecordStore(sample) as store:
        store.compact()
        for batch in store.dataset.scan("batch"):
            assert isinstance(batch, Batch)
            assert batch.context_id is not None
            found.setdefault(batch.context_id, {}).setdefault(batch.size, []).append(
                batch
            )
    return found


def taken(policy: Policy, sizes: dict[int, list[Batch]]) -> int:
    """Ask for a size by what the records knew before."""
    known = next(iter(sizes.values()))[0]
    problem = Problem.of(
        "size",
        sorted(sizes),
        operation_type=known.operation_type,
        load_cpu=known.load_cpu,
        load_memory=known.load_memory,
        load_io=known.load_io,
        active_agents=float(known.active_agents or 0),
        coordination_complexity=known.coordination_complexity,
        read_share=known.read_share,
        operation_bytes=known.operation_bytes,
        failure_rate=known.failure_rate,
        workers=float(known.workers or 0),
    )
    return int(policy.decide(problem).action[0])


def replayed(cells: Cells, store: Path, epsilon: float) -> Path:
    """Let a habit with exploration decide, and the sample's own batches answer."""
    rng = np.random.default_rng(2)
    names = sorted(cells)
    with RecordStore(store) as opened:
        for session in range(SESSIONS):
            sizes = cells[names[rng.integers(len(names))]]
            offered = sorted(sizes)
            for turn in range(TURNS):
                explores = rng.uniform() < epsilon
                size = int(rng.choice(offered)) if explores else HABIT
                measured = sizes[size][rng.integers(len(sizes[size]))]
                opened.add(
                    replace(
                        measured,
                        record_id=f"{session}-{turn}",
                        at=START + timedelta(minutes=session, seconds=turn),
                        session_id=f"s{session}",
                        policy="habit+explore",
                        propensity=epsilon / len(offered)
                        + (1 - epsilon if size == HABIT else 0.0),
                    )
                )
    return store


@pytest.fixture(scope="module")
def explored(cells: Cells, folder: Path) -> Path:
    return replayed(cells, folder / "explored", epsilon=0.5)


def judged(store: Path, policy: str, *options: str) -> int:
    return run(
        [
            "report",
            "off-policy",
            f"--store={store}",
            f"--policy={policy}",
            f"--against=size:{HABIT}",
            *options,
        ]
    )


@pytest.mark.slow
def test_the_samples_own_bundle_is_judged_from_a_log_that_explored(
    cells: Cells, bundle: Path, explored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = judged(explored, f"bundle:{bundle}", "--json")

    shown = json.loads(capsys.readouterr().out)
    policy = read_bundle(bundle).policy()
    answers = [sizes[taken(policy, sizes)] for sizes in cells.values()]
    seconds, succeeded = (
        np.mean([np.mean([getattr(b, name) for b in each]) for each in answers])
        for name in ("cycle_s", "succeeded")
    )
    cost = next(e["cost"] for e in shown["estimates"] if e["estimator"] == "dr")
    assert code == 0
    assert cost["low"] < seconds / succeeded < cost["high"]


@pytest.mark.slow
def test_a_log_that_never_explored_proves_nothing_about_a_bundle(
    cells: Cells,
    bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = replayed(cells, tmp_path / "habit", epsilon=0.0)

    code = judged(store, f"bundle:{bundle}", "--type", "todoWrite")

    assert code == 5
    assert capsys.readouterr().err


@pytest.mark.slow
def test_the_sample_itself_states_no_propensities_and_is_refused(
    sample: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = judged(sample, f"bundle:{bundle}")

    assert (code, f"{ROWS} without a propensity" in capsys.readouterr().err) == (
        5,
        True,
    )


@pytest.mark.slow
def test_a_bundle_that_is_not_there_is_refused(
    explored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = judged(explored, "bundle:nowhere")

    assert (code, "nowhere refused" in capsys.readouterr().err) == (7, True)


@pytest.mark.slow
def test_a_bundle_of_agent_counts_is_not_a_policy_of_batch_sizes(
    explored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agent_bundle(tmp_path / "agents")

    code = judged(explored, f"bundle:{tmp_path / 'agents'}")

    assert (code, "decides agent_count" in capsys.readouterr().err) == (2, True)
