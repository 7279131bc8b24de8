from datetime import timedelta
from pathlib import Path

import pytest

from tests.bundle_factory import NOW, agent_bundle, rewrite, small_bundle
from toolkit.clock import VirtualClock
from toolkit.errors import BundleRefusedError, UsageError
from toolkit.policies import Value
from toolkit.runtime.advice import LadderAdvisor, open_advisor

CLOCK = VirtualClock(NOW)


def test_without_a_bundle_the_rule_answers_from_all_whole_numbers() -> None:
    advisor = LadderAdvisor("batch_size", bundle=None, clock=CLOCK)
    answer = advisor.decide({"operation_type": "todoWrite", "load_cpu": 0.9})

    assert advisor.offered == tuple(map(float, range(1, 21)))
    assert (answer.label, answer.rung, answer.reason.code) == ("7", "rule", "high_load")


@pytest.mark.parametrize("decision", ["table", "colour"])
def test_what_no_rule_decides_needs_a_bundle(decision: str) -> None:
    with pytest.raises(UsageError, match="decision"):
        LadderAdvisor(decision, bundle=None, clock=CLOCK)


def test_a_bundle_of_another_decision_is_refused_and_the_rule_answers(
    tmp_path: Path,
) -> None:
    agent_bundle(tmp_path / "b")
    advisor = open_advisor(tmp_path / "b", decision="batch_size", clock=CLOCK)
    answer = advisor.decide({"operation_type": "todoWrite"})

    assert advisor.refused == "it decides agent_count, not batch_size"
    assert (answer.label, answer.reason.code) == ("10", "bundle_refused")


def test_a_damaged_bundle_is_refused_and_says_why(tmp_path: Path) -> None:
    small_bundle(tmp_path / "b")
    (tmp_path / "b" / "golden.json").write_text("{}", encoding="utf-8")
    advisor = open_advisor(tmp_path / "b", decision="batch_size", clock=CLOCK)

    because = advisor.decide({}).reason.facts["because"]

    assert because == "golden.json was altered (its hash differs)"


def test_a_table_without_its_bundle_has_no_answer(tmp_path: Path) -> None:
    with pytest.raises(BundleRefusedError):
        open_advisor(tmp_path / "nothing", decision="table", clock=CLOCK)


def test_from_its_end_on_the_rule_answers(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path / "b")
    late = VirtualClock(NOW + timedelta(days=30))
    context: dict[str, Value] = {"operation_type": "fileOperations", "load_cpu": 0.1}

    before = LadderAdvisor("batch_size", bundle=bundle, clock=CLOCK).decide(context)
    after = LadderAdvisor("batch_size", bundle=bundle, clock=late).decide(context)

    assert (before.rung, after.rung) == ("learned", "rule")
    assert after.reason.code == "bundle_expired"


@pytest.mark.parametrize(
    "actions", [[0.0, 1.0], [-1.0], [float("nan")], [float("inf")]]
)
def test_sizes_of_which_no_logarithm_can_be_taken_are_refused(
    tmp_path: Path, actions: list[float]
) -> None:
    advisor = LadderAdvisor("batch_size", bundle=None, clock=CLOCK)

    with pytest.raises(UsageError, match="above 0"):
        advisor.decide({}, actions)


def test_a_bundle_changed_by_hand_is_read_by_its_own_numbers(tmp_path: Path) -> None:
    small_bundle(tmp_path / "b")
    rewrite(tmp_path / "b", lambda manifest: manifest.update(actions=[2.0, 5.0]))
    advisor = open_advisor(tmp_path / "b", decision="batch_size", clock=CLOCK)

    assert advisor.offered == (2.0, 5.0)
    assert advisor.decide({"operation_type": "todoWrite"}).label in ("2", "5")
