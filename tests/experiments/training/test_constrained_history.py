"""Constraints on tokens and memory, from made-up records to the advice of a bundle."""

import json
from pathlib import Path

import pytest

import toolkit as tk
from tests.measured_history import batch_store, workflow_store
from tests.quick_spec import quick_spec
from toolkit.bundle import CONSTRAINTS
from toolkit.cli import run
from toolkit.clock import SystemClock
from toolkit.errors import UsageError
from toolkit.experiments.training.bundling import export_learner
from toolkit.experiments.training.learner import learn
from toolkit.experiments.training.run import history_rows, table_of
from toolkit.experiments.training.spec import ExperimentSpec, read_spec
from toolkit.history import Dataset

GB = 10**9


def spec(decision: str, folder: Path, **limits: float) -> ExperimentSpec:
    """Write a specification with limits, each to be kept with a probability of 0.9."""
    asked = "".join(
        f"{name} = {{at_most = {limit}, probability = 0.9}}\n"
        for name, limit in limits.items()
    )
    path = folder / "spec.toml"
    path.write_text(f"{quick_spec(decision)}[constraints]\n{asked}")
    return read_spec(path)


def learned(asked: ExperimentSpec, store: Dataset, folder: Path) -> tk.Advisor:
    """Learn and export as an experiment does, but untracked, which takes longest."""
    learner = learn(
        table_of(asked, history_rows(asked, store)),
        asked,
        study="s",
        studies=folder / "studies",
        report=silent,
    )
    bundle = export_learner(
        folder / "bundle",
        learner=learner,
        spec=asked,
        metrics={},
        limits=[],
        now=SystemClock().now(),
        version="1",
    )
    assert [
        each["name"] for each in bundle.manifest.extra[CONSTRAINTS]["outcomes"]
    ] == list(asked.constraints)
    return tk.Advisor(bundle.path, decision=asked.decision)


def silent(done: float, total: float, what: str) -> None:
    """Report nothing."""


@pytest.mark.slow
def test_batches_keep_what_their_turns_may_take(tmp_path: Path) -> None:
    asked = spec("batch_size", tmp_path, tokens=25_000.0, tokens_per_operation=4_000.0)
    with batch_store(tmp_path / "store", groups=10, turns=True) as store:
        advisor = learned(asked, store.dataset, tmp_path)

    # 20,000 + 500 n tokens: at most 25,000 up to 10 operations, 4,000 each from 6 on
    for overhead_s in (0.6, 3.9):
        advice = advisor.decide(
            operation_type="fileOperations",
            load_cpu=0.1,
            operation_bytes=1000 * overhead_s,
        )
        assert advice.action == 8


@pytest.mark.slow
def test_an_experiment_and_its_bundle_keep_what_the_machine_can_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = spec("agent_count", tmp_path, memory_bytes=1.6 * GB)
    workflow_store(tmp_path / "store", groups=20, agent_bytes=GB // 2).close()
    result = tk.Experiment(
        tk.History(tmp_path / "store"), decision="agent_count", seed=1, spec=asked
    ).run()
    bundle = result.export(tmp_path / "bundle")

    (row,) = result.constraints().to_dict("records")
    assert (row["groups"], row["promised"], row["kept"]) == (20, 1.0, 1.0)
    assert row["kept_by_rule"] < row["kept_low"]
    for components in (8, 36):
        words = ["recommend", "agents", "--bundle", str(bundle.path), "--json"]
        words += ["--components", str(components), "--dependencies", "7"]
        capsys.readouterr()
        assert run(words) == 0
        advice = json.loads(capsys.readouterr().out)
        assert 1 <= advice["recommended"] <= 3
        assert advice["reason"]["code"] == "constraint_binds"


@pytest.mark.parametrize(
    ("decision", "name", "needs"),
    [
        ("batch_size", "tokens", "the turn that issued each batch"),
        ("agent_count", "memory_bytes", "which no agent's log holds"),
    ],
)
def test_what_a_history_does_not_know_is_refused_with_what_it_needs(
    tmp_path: Path, decision: str, name: str, needs: str
) -> None:
    made = batch_store if decision == "batch_size" else workflow_store
    asked = spec(decision, tmp_path, **{name: 1e4})
    with made(tmp_path / "store", groups=10) as store:
        rows = history_rows(asked, store.dataset)

    with pytest.raises(UsageError, match=f"`{name}`.*{needs}.*known are"):
        table_of(asked, rows)
