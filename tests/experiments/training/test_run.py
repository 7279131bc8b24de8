"""One command: results, tracking, a bundle that loads, and honesty about histories."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.measured_history import batch_store
from toolkit.bundle import read_bundle
from toolkit.experiments.training import ExperimentSpec, run_experiment
from toolkit.experiments.training.run import ExperimentOutcome
from toolkit.experiments.training.spec import SearchSpec, SplitSpec
from toolkit.experiments.training.tracking import own_warnings_ignored
from toolkit.policies import Problem

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SPEC = ExperimentSpec(
    name="test",
    decision="batch_size",
    question="Which?",
    search=SearchSpec(trials=2, members=("quadratic", "constant")),
    split=SplitSpec(outer_folds=4, inner_folds=2),
)


def run(folder: Path, *, contexts: bool = True) -> ExperimentOutcome:
    with batch_store(folder / "store", contexts=contexts) as store:
        return run_experiment(
            SPEC,
            store,
            work=folder / "work",
            now=NOW,
            report=lambda done, total, what: None,
        )


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> ExperimentOutcome:
    return run(tmp_path_factory.mktemp("run"))


@pytest.mark.slow
def test_the_bundle_recommends_what_history_supports(
    outcome: ExperimentOutcome,
) -> None:
    model = read_bundle(outcome.bundle).policy().model
    assert model is not None
    problem = Problem.of("size", [4, 40], operation_type="fileOperations", load_cpu=0.5)

    support = model.predict(problem).support

    assert support[0] > 0
    assert support[1] == 0


@pytest.mark.slow
def test_results_hold_every_policy_with_an_interval(outcome: ExperimentOutcome) -> None:
    written = json.loads((outcome.bundle.parent / "results.json").read_text())

    for row in written["policies"]:
        assert row["slowdown_low"] <= row["slowdown"] <= row["slowdown_high"]
    assert written["data"]["fingerprint"] == outcome.results["data"]["fingerprint"]


@pytest.mark.slow
def test_mlflow_holds_the_parent_the_policies_the_data_and_the_model(
    outcome: ExperimentOutcome,
) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{outcome.bundle.parent / 'mlflow.db'}")
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("test")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])

    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    children = {r.info.run_name for r in runs if "mlflow.parentRunId" in r.data.tags}

    assert len(parents) == 1
    assert {"rule", "learned", "guarded", "tuned rule"} <= children
    assert parents[0].inputs is not None
    digest = parents[0].inputs.dataset_inputs[0].dataset.digest
    assert outcome.results["data"]["fingerprint"].startswith(digest)
    card = client.list_artifacts(parents[0].info.run_id, "experiment")
    assert "experiment/MODEL_CARD.md" in {file.path for file in card}
    models = client.search_logged_models([experiment.experiment_id])
    assert len(models) == 1


@pytest.mark.slow
def test_the_parent_run_carries_the_headline_and_every_trial(
    outcome: ExperimentOutcome,
) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{outcome.bundle.parent / 'mlflow.db'}")
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("test")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = (r for r in runs if "mlflow.parentRunId" not in r.data.tags)
    files = {file.path for file in client.list_artifacts(parent.info.run_id)}

    assert {"guarded/slowdown", "guarded/slowdown_low"} <= set(parent.data.metrics)
    assert "tuned.rule.shrink" in parent.data.params
    assert parent.data.tags["mlflow.note.content"].startswith("Which?")
    assert {"trials.json", "slowdowns.png"} <= files


@pytest.mark.slow
def test_the_logged_model_answers_decisions(outcome: ExperimentOutcome) -> None:
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(f"sqlite:///{outcome.bundle.parent / 'mlflow.db'}")
    with own_warnings_ignored():
        model = mlflow.pyfunc.load_model(outcome.model_uri)
        contexts = pd.DataFrame(
            {"operation_type": ["fileOperations"] * 2, "load_cpu": [0.1, None]}
        )
        answers = model.predict(contexts)

    assert list(answers.columns)[:4] == ["action", "rule", "rung", "reason"]
    assert len(answers) == 2
    assert all("bundle expired" in reason for reason in answers["reason"])


@pytest.mark.slow
def test_a_second_run_resumes_the_journal_and_finds_the_same(
    outcome: ExperimentOutcome, tmp_path: Path
) -> None:
    journal = outcome.bundle.parent / "optuna.journal"
    before = journal.stat().st_size
    with batch_store(tmp_path / "store") as store:
        again = run_experiment(
            SPEC,
            store,
            work=outcome.bundle.parent,
            now=NOW,
            report=lambda done, total, what: None,
        )

    assert again.results == outcome.results
    assert journal.stat().st_size - before < 0.2 * before


@pytest.mark.slow
def test_a_history_that_nobody_designed_proves_no_gain_and_says_so(
    tmp_path: Path,
) -> None:
    results = run(tmp_path, contexts=False).results

    assert results["policies"] == []
    assert "no propensities were logged" in results["limits"][0]
    assert {row["size"] for row in results["support"]} == {1, 2, 4, 8, 12, 16}
    assert all(rung["evidence"]["observed"] for rung in results["ladder"])


@pytest.mark.slow
def test_the_whole_path_opens_no_socket_beyond_the_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    connect = socket.socket.connect
    look_up = socket.getaddrinfo

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family == socket.AF_UNIX or address[0].startswith(("127.", "::1")):
            return connect(self, address)
        asked.append(address)
        raise AssertionError(f"a connection to {address}")

    def resolve(host: Any, *rest: Any, **named: Any) -> Any:
        if host not in ("127.0.0.1", "localhost", "::1", None):
            asked.append(host)
            raise AssertionError(f"a look-up of {host}")
        return look_up(host, *rest, **named)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    run(tmp_path)

    assert asked == []
