"""What every off-policy estimator owes, each of them enrolled."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

from tests.metrics.off_policy.explored import explored_log, true_value
from toolkit.metrics import off_policy
from toolkit.metrics.off_policy import LoggedDecisions, OffPolicyEstimator
from toolkit.metrics.off_policy.direct import Direct
from toolkit.metrics.off_policy.doubly_robust import DoublyRobust
from toolkit.metrics.off_policy.inverse_propensity import (
    InversePropensity,
    SelfNormalised,
)
from toolkit.metrics.off_policy.switch import Switch

ESTIMATORS: list[OffPolicyEstimator] = [
    Direct(),
    DoublyRobust(),
    InversePropensity(),
    SelfNormalised(),
    Switch(),
]

enrolled = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: each.name)


def value(estimator: OffPolicyEstimator, log: LoggedDecisions) -> float:
    top, bottom = estimator.contributions(log)
    return float(top.sum() / bottom.sum())


def test_every_estimator_of_the_room_is_enrolled() -> None:
    modules = [
        importlib.import_module(f"{off_policy.__name__}.{module.name}")
        for module in pkgutil.iter_modules(off_policy.__path__)
    ]
    found = {
        each
        for module in modules
        for each in vars(module).values()
        if inspect.isclass(each)
        and each is not OffPolicyEstimator
        and hasattr(each, "contributions")
    }

    assert found == {type(each) for each in ESTIMATORS}


def test_names_are_distinct() -> None:
    assert len({each.name for each in ESTIMATORS}) == len(ESTIMATORS)


@enrolled
def test_every_decision_contributes(estimator: OffPolicyEstimator) -> None:
    log = explored_log(np.random.default_rng(0))

    shapes = [column.shape for column in estimator.contributions(log)]

    assert shapes == [log.costs.shape] * 2


@enrolled
def test_the_logging_policys_own_value_is_the_mean_cost(
    estimator: OffPolicyEstimator,
) -> None:
    log = explored_log(np.random.default_rng(0))
    own = LoggedDecisions(
        costs=log.costs,
        propensities=log.propensities,
        target=log.propensities,
        clusters=log.clusters,
        predicted=log.costs,
        predicted_target=log.costs,
    )

    assert value(estimator, own) == pytest.approx(log.costs.mean())


@enrolled
def test_the_estimate_converges_to_the_value(estimator: OffPolicyEstimator) -> None:
    log = explored_log(np.random.default_rng(1), rows=60_000)

    assert value(estimator, log) == pytest.approx(true_value(1), abs=0.05)


@enrolled
def test_the_order_of_decisions_does_not_matter(
    estimator: OffPolicyEstimator,
) -> None:
    log = explored_log(np.random.default_rng(2))
    order = np.random.default_rng(3).permutation(len(log.costs))
    assert log.predicted is not None
    assert log.predicted_target is not None
    shuffled = LoggedDecisions(
        costs=log.costs[order],
        propensities=log.propensities[order],
        target=log.target[order],
        clusters=log.clusters[order],
        predicted=log.predicted[order],
        predicted_target=log.predicted_target[order],
    )

    assert value(estimator, shuffled) == pytest.approx(value(estimator, log))
