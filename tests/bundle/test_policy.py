"""The one place that builds the policy: every path that decides uses it."""

from pathlib import Path

import numpy as np
import pytest

from tests.bundle_factory import NOW, SIZES, agent_bundle, small_bundle
from toolkit.bundle import Bundle
from toolkit.clock import VirtualClock
from toolkit.policies import Problem, Value
from toolkit.runtime.advice import LadderAdvisor, ReloadingAdvisor, open_advisor

CONTEXT: dict[str, Value] = {
    "operation_type": "todoWrite",
    "load_cpu": 0.9,
    "operation_bytes": 4000.0,
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("bundle") / "b")


def test_the_advisor_decides_as_the_bundles_policy(bundle: Bundle) -> None:
    advisor = LadderAdvisor("batch_size", bundle=bundle, clock=VirtualClock(NOW))
    problem = Problem.of("size", SIZES, **CONTEXT)

    assert advisor.decide(CONTEXT) == bundle.policy().decide(problem)


def test_a_reloading_advisor_is_an_advisor(bundle: Bundle) -> None:
    clock = VirtualClock(NOW)
    reloading = ReloadingAdvisor(bundle.path, decision="batch_size", clock=clock)
    plain = open_advisor(bundle.path, decision="batch_size", clock=clock)

    assert isinstance(reloading, LadderAdvisor)
    assert reloading.decide(CONTEXT) == plain.decide(CONTEXT)


def test_a_number_beyond_its_range_is_read_at_its_end_and_widens(
    bundle: Bundle,
) -> None:
    policy = bundle.policy()
    beyond = policy.decide(Problem.of("size", SIZES, **{**CONTEXT, "load_cpu": 7.0}))
    end = policy.decide(Problem.of("size", SIZES, **{**CONTEXT, "load_cpu": 1.0}))
    assert beyond.curve is not None
    assert end.curve is not None
    there, here = beyond.curve.log_cost, end.curve.log_cost
    width = beyond.curve.log_high - beyond.curve.log_low

    assert (beyond.rung, beyond.index) == ("learned", end.index)
    np.testing.assert_allclose(there - there.mean(), here - here.mean(), atol=1e-12)
    assert (width > end.curve.log_high - end.curve.log_low).all()


def test_an_action_that_was_never_tried_is_not_recommended(bundle: Bundle) -> None:
    answer = bundle.policy().decide(Problem.of("size", [40.0, 60.0], **CONTEXT))

    assert (answer.rung, answer.reason.code) == ("rule", "out_of_support")


def test_costs_are_absolute(tmp_path: Path) -> None:
    made = agent_bundle(tmp_path / "b")
    answer = made.policy().decide(
        Problem.of("agents", [1, 2, 4], components=16.0, coordination_needs=0.5)
    )

    assert answer.expected_cost is not None
    assert answer.cost_low is not None
    assert answer.cost_low < answer.expected_cost
    assert np.log(answer.expected_cost) == pytest.approx(np.log(31), abs=0.5)
