import math
from dataclasses import replace

import numpy as np
import pytest

from tests.policies.greedy import Greedy
from toolkit.errors import SchemaError
from toolkit.policies import CostCurve, Evidence, Ladder, Problem, Rung, groups_needed
from toolkit.policies.rules import ConstantPolicy

PROBLEM = Problem.of("size", [1, 4, 8])
SHOWN = Evidence(
    below="rule",
    groups=24,
    groups_needed=19,
    difference=-0.3,
    upper=-0.1,
    level=0.95,
    not_worse=1.0,
)


class Falling:
    """Costs less the larger; the largest size has no history."""

    def predict(self, problem: Problem) -> CostCurve:
        log_cost = -np.log(problem.actions[:, 0])
        support = np.where(problem.actions[:, 0] > 4, 0.0, 50.0)
        return CostCurve(
            log_cost=log_cost, log_low=log_cost, log_high=log_cost, support=support
        )


def ladder(*evidence: Evidence) -> Ladder:
    rungs = [
        Rung(name="best constant", policy=ConstantPolicy(8.0), evidence=evidence[0]),
        Rung(name="learned", policy=Greedy(Falling()), evidence=evidence[1]),
    ]
    return Ladder(rule=ConstantPolicy(1.0), rungs=rungs, model=Falling())


def test_the_highest_rung_that_is_shown_better_answers() -> None:
    answer = ladder(SHOWN, SHOWN).decide(PROBLEM)

    assert (answer.label, answer.rung) == ("4", "learned")


def test_a_rung_that_is_not_shown_better_is_passed_over() -> None:
    closed = replace(SHOWN, upper=0.01)
    answer = ladder(SHOWN, closed).decide(PROBLEM)

    assert (answer.label, answer.rung) == ("8", "best constant")
    assert answer.reason.code == "best_constant_better"


def test_without_evidence_the_rule_answers_and_says_what_is_missing() -> None:
    nothing = Evidence.none(below="rule", level=0.95)
    answer = ladder(nothing, nothing).decide(PROBLEM)

    assert (answer.label, answer.rung) == ("1", "rule")
    assert answer.reason.code == "not_shown_better"
    assert answer.reason.facts["groups_needed"] == 19


def test_an_observed_history_opens_nothing_whatever_its_bound() -> None:
    observed = replace(SHOWN, observed=True)
    answer = ladder(observed, observed).decide(PROBLEM)

    assert (answer.rung, answer.reason.code) == ("rule", "observed_only")


def test_the_rule_has_no_confidence_against_itself() -> None:
    closed = replace(SHOWN, upper=math.inf)

    assert ladder(closed, closed).decide(PROBLEM).confidence is None


def test_confidence_is_never_certain() -> None:
    sure = ladder(SHOWN, replace(SHOWN, upper=0.1)).decide(PROBLEM).confidence

    assert sure is not None
    assert 0.9 < sure < 1


def test_an_unsupported_learned_answer_leaves_the_rung_below() -> None:
    answer = ladder(SHOWN, SHOWN).decide(Problem.of("size", [8, 12]))

    assert (answer.label, answer.rung) == ("8", "best constant")


def test_evidence_survives_json() -> None:
    endless = Evidence.none(below="rule", level=0.95)

    assert Evidence.from_json(SHOWN.to_json()) == SHOWN
    assert Evidence.from_json(endless.to_json()) == endless


def test_a_bound_from_too_few_groups_is_refused_on_reading() -> None:
    forged = {**SHOWN.to_json(), "groups": 3, "groups_needed": 1}

    with pytest.raises(SchemaError, match="too few groups"):
        Evidence.from_json(forged)


@pytest.mark.parametrize(("level", "groups"), [(0.5, 1), (0.9, 9), (0.95, 19)])
def test_a_bound_needs_groups(level: float, groups: int) -> None:
    assert groups_needed(level) == groups
