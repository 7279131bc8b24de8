"""Claims about the off-policy report on a store's batches."""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from toolkit.cli.report.off_policy import add_verb
from toolkit.errors import InputDataError, NotEnoughDataError, UsageError
from toolkit.experiments.evaluation import (
    OffPolicyReport,
    RuleWhereUnsupported,
    evaluate_batch_policy,
    off_policy_report,
)
from toolkit.history import RecordStore
from toolkit.metrics.off_policy import (
    ESTIMATORS,
    LoggedDecisions,
    OverlapLimits,
    Sampling,
)
from toolkit.metrics.off_policy.base import Contributions
from toolkit.policies import Decision, Problem
from toolkit.policies.rules import (
    BatchSizeRule,
    BatchSizeRulePolicy,
    ConstantPolicy,
)
from toolkit.records import Batch, Provenance, Served

START = datetime(2026, 1, 5, tzinfo=UTC)
SIZES = (2, 4, 8, 12)
RULE_SIZE = 8
TURN_S, OPERATION_S = 6.0, 0.5


def true_cost(size: int) -> float:
    """Seconds per success; larger batches fail more."""
    return (TURN_S + OPERATION_S * size) / (size * (1 - 0.05 * size))


def explored(
    epsilon: float = 0.4, *, batches: int = 1500, propensity: bool = True
) -> list[Batch]:
    """Log what the rule's size and exploration around it cost."""
    rng = np.random.default_rng(0)
    logged = []
    for number in range(batches):
        explores = rng.uniform() < epsilon
        size = int(rng.choice(SIZES)) if explores else RULE_SIZE
        chance = epsilon / len(SIZES) + (1 - epsilon if size == RULE_SIZE else 0.0)
        failed = int(rng.binomial(size, 0.05 * size))
        logged.append(
            Batch(
                record_id=f"b{number}",
                at=START + timedelta(minutes=number),
                source="test",
                provenance=Provenance.MEASURED,
                operation_type="fileOperations",
                session_id=f"s{number // 10}",
                size=size,
                load_cpu=0.5,
                cycle_s=float((TURN_S + OPERATION_S * size) * rng.lognormal(0, 0.1)),
                succeeded=size - failed,
                failed=failed,
                cancelled=0,
                policy="rule+explore",
                propensity=chance if propensity else None,
            )
        )
    return logged


def report(batches: list[Batch], size: int = 4) -> OffPolicyReport:
    return evaluate_batch_policy(
        batches,
        policy=ConstantPolicy(float(size), name=f"size:{size}"),
        reference=BatchSizeRulePolicy(BatchSizeRule(), constant=3),
        rng=np.random.default_rng(1),
        limits=OverlapLimits(),
        sampling=Sampling(replicates=500),
    )


def command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_verb(parser.add_subparsers())
    options = parser.parse_args(["off-policy", *arguments])
    return int(options.command(options))


def test_the_interval_holds_the_true_cost_per_success() -> None:
    found = report(explored())

    cost = next(each.cost for each in found.estimates if each.estimator == "dr")
    assert cost.low < true_cost(4) < cost.high


def test_the_interval_holds_the_true_gain_over_the_rule() -> None:
    found = report(explored())

    gain = next(each.log_gain for each in found.estimates if each.estimator == "dr")
    assert gain.low < np.log(true_cost(4) / true_cost(RULE_SIZE)) < gain.high


def test_a_dearer_size_is_not_shown_to_be_an_improvement() -> None:
    assert not report(explored(), size=2).shows_improvement


def test_every_estimator_has_a_row() -> None:
    names = [each.estimator for each in report(explored()).estimates]

    assert names == ["ips", "snips", "dm", "dr", "switch"]


class Silent:
    """An estimator that some logs cannot carry."""

    def __init__(self, name: str) -> None:
        self.name = name

    def contributions(self, log: LoggedDecisions) -> Contributions:
        raise NotEnoughDataError("a weight", got=3, needed=8, unit="clusters")


def test_an_estimator_that_cannot_answer_silences_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = report(explored())
    others = tuple(Silent("dr") if e.name == "dr" else e for e in ESTIMATORS)
    monkeypatch.setattr(off_policy_report, "ESTIMATORS", others)
    found = report(explored())

    names = [each.estimator for each in before.estimates]
    assert [each.estimator for each in found.estimates] == [
        name for name in names if name != "dr"
    ]
    assert found.unanswered == {
        "dr": "not enough data for a weight: 3 clusters, at least 8 needed"
    }
    assert [e for e in before.estimates if e.estimator != "dr"] == list(found.estimates)
    assert not found.shows_improvement


def test_where_none_can_answer_the_limit_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = tuple(Silent(each.name) for each in ESTIMATORS)
    monkeypatch.setattr(off_policy_report, "ESTIMATORS", silent)

    with pytest.raises(NotEnoughDataError, match="3 clusters, at least 8 needed"):
        report(explored(batches=300))


def test_the_rules_own_log_proves_nothing_about_another_size() -> None:
    with pytest.raises(NotEnoughDataError, match="never took its action") as refusal:
        report(explored(epsilon=0.0))

    assert refusal.value.exit_code == 5


def test_a_size_that_was_never_offered_is_refused() -> None:
    with pytest.raises(NotEnoughDataError, match="never took its action"):
        report(explored(), size=17)


def test_batches_without_a_propensity_are_refused_with_their_number() -> None:
    with pytest.raises(NotEnoughDataError, match="1500 without a propensity"):
        report(explored(propensity=False))


def test_simulated_batches_do_not_count_unless_asked_for() -> None:
    simulated = [
        replace(batch, provenance=Provenance.SIMULATED) for batch in explored()
    ]

    with pytest.raises(NotEnoughDataError, match="1500 simulated"):
        report(simulated)


@pytest.mark.parametrize("served", [Served.SHADOW, Served.DECLINED])
def test_a_chance_that_was_not_this_size_s_is_no_propensity(served: Served) -> None:
    chosen = replace(explored()[0], record_id="z", served=served)

    found = report([*explored(), chosen])

    assert found.left_out == {"whose size the agent chose": 1}


def test_suspect_and_unfinished_batches_are_left_out_by_reason() -> None:
    good = explored()
    spoilt = [
        replace(good[0], record_id="x", provenance=Provenance.SUSPECT),
        replace(good[0], record_id="y", cycle_s=None),
    ]

    found = report([*good, *spoilt])

    assert found.left_out == {"suspect": 1, "without a known cost": 1}


def test_the_rule_answers_where_a_learned_policy_has_no_support() -> None:
    class Unsupported:
        name = "bundle"

        def decide(self, problem: Problem) -> Decision:
            raise NotEnoughDataError("here", got=0, needed=5, unit="rows")

    policy = RuleWhereUnsupported(Unsupported(), ConstantPolicy(4.0))

    assert policy.decide(Problem.of("size", [1, 4, 8])).label == "4"


def test_a_learned_policy_chooses_from_its_own_sizes_among_those_on_offer() -> None:
    policy = RuleWhereUnsupported(
        ConstantPolicy(7.0), ConstantPolicy(1.0), offered=(4.0, 8.0, 40.0)
    )
    problem = Problem.of("size", range(1, 21))

    decision = policy.decide(problem)

    assert (decision.action, problem.labels[decision.index]) == ((8.0,), "8")


def test_the_rule_answers_where_none_of_the_learned_sizes_is_on_offer() -> None:
    policy = RuleWhereUnsupported(
        ConstantPolicy(40.0), ConstantPolicy(1.0), offered=(40.0,)
    )

    assert policy.decide(Problem.of("size", range(1, 21))).label == "1"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with RecordStore(tmp_path / "store") as opened:
        for batch in explored(batches=800):
            opened.add(batch)
    return tmp_path / "store"


def test_the_command_prints_one_json_object(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = command("--store", str(store), "--policy", "size:4", "--json")

    assert code == 0
    assert json.loads(capsys.readouterr().out)["policy"] == "size:4"


def test_the_command_says_what_is_shown(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("--store", str(store), "--policy", "size:2")

    assert "is not shown to be cheaper than `rule`" in capsys.readouterr().out


@pytest.mark.parametrize("policy", ["magic", "size:", "size:0", "size:x", "bundle:"])
def test_what_is_not_a_policy_is_refused(tmp_path: Path, policy: str) -> None:
    with pytest.raises(UsageError, match="not a policy"):
        command("--store", str(tmp_path), "--policy", policy)


def test_a_missing_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="no such store"):
        command("--store", str(tmp_path / "none"), "--policy", "size:4")
