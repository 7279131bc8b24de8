import math

import numpy as np
import pytest

from toolkit.policies import (
    Constraint,
    Evidence,
    Floats,
    Ladder,
    Permitted,
    Problem,
    Reason,
    Rung,
)
from toolkit.policies.rules import ConstantPolicy

PROBLEM = Problem.of("size", [1, 2, 4, 8, 16])
ASKED = Constraint(name="p95_s", at_most=10.0, probability=0.9)
SHOWN = Evidence(
    below="rule",
    groups=24,
    groups_needed=19,
    difference=-0.3,
    upper=-0.1,
    level=0.95,
    not_worse=1.0,
)


def permitted(*bounds: float) -> Permitted:
    logs: Floats = np.log([bounds])
    return Permitted(
        allowed=np.asarray(logs[0] <= math.log(10)),
        excess=logs - math.log(10),
        log_bound=logs,
        constraints=(ASKED,),
    )


class Bounded:
    """Bounds of one problem, as a bundle would give them."""

    def __init__(self, *bounds: float) -> None:
        self.bounds = bounds

    def permitted(self, problem: Problem) -> Permitted:
        assert problem is PROBLEM
        return permitted(*self.bounds)


def ladder(*bounds: float, rung: float | None = None) -> Ladder:
    rungs = []
    if rung is not None:
        policy = ConstantPolicy(rung)
        rungs = [Rung(name="best constant", policy=policy, evidence=SHOWN)]
    return Ladder(rule=ConstantPolicy(8.0), rungs=rungs, limits=Bounded(*bounds))


@pytest.mark.parametrize(
    ("bounds", "index", "bound"),
    [
        ((1, 2, 4, 8, 16), 1, 1),
        ((1, 2, 4, 8, 16), 4, 3),
        ((1, 20, 20, 20, 1), 2, 0),  # 1 and 16 are as far from 4: the smaller
        ((20, 11, 30, 40, 50), 4, 1),  # none keeps it: the least bound
    ],
)
def test_an_answer_moves_to_the_nearest_permitted_action(
    bounds: tuple[float, ...], index: int, bound: int
) -> None:
    assert permitted(*bounds).bind(PROBLEM, index) == bound


def test_the_rule_is_bound_and_the_reason_names_what_it_passed_over() -> None:
    answer = ladder(1, 2, 4, 12, 16).decide(PROBLEM)

    assert (answer.label, answer.baseline, answer.rung) == ("4", "8", "rule")
    assert answer.reason.code == "constraint_binds"
    assert answer.reason.facts["constraint"] == "p95_s"
    assert answer.reason.facts["passed_over"] == "8"
    assert answer.reason.facts["bound"] == pytest.approx(12)


def test_a_higher_rung_is_bound_too() -> None:
    answer = ladder(1, 2, 4, 8, 16, rung=16.0).decide(PROBLEM)

    assert (answer.label, answer.rung) == ("8", "best constant")
    assert answer.reason.code == "constraint_binds"


def test_where_no_action_keeps_it_the_nearest_is_taken_and_says_so() -> None:
    answer = ladder(12, 11, 30, 40, 50, rung=16.0).decide(PROBLEM)

    assert (answer.label, answer.rung) == ("2", "rule")
    assert answer.reason.code == "constraint_not_kept"
    assert answer.reason.facts["bound"] == pytest.approx(11)
    assert answer.allowed is not None
    assert not answer.allowed.any()


def test_an_answer_that_keeps_it_is_not_changed() -> None:
    answer = ladder(1, 2, 4, 8, 16).decide(PROBLEM)

    assert (answer.label, answer.reason.code) == ("8", "constant")
    assert answer.allowed is not None
    assert answer.allowed.tolist() == [True] * 4 + [False]


def test_a_bound_that_is_not_known_is_no_fact() -> None:
    reason = permitted(*[math.inf] * 5).reason(PROBLEM, 0)

    assert reason.code == "constraint_not_kept"
    assert "bound" not in reason.facts


def test_the_rule_in_the_place_of_a_model_is_bound_and_keeps_its_reason() -> None:
    answer = ladder(1, 2, 4, 12, 16).by_rule(PROBLEM, Reason(code="bundle_expired"))

    assert (answer.label, answer.baseline) == ("4", "8")
    assert answer.reason == Reason(
        code="bundle_expired", facts={"constraint_binds": "p95_s"}
    )
