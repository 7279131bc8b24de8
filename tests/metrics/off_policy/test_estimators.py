"""Claims that tell the estimators apart."""

from dataclasses import replace

import numpy as np
import pytest

from tests.metrics.off_policy.explored import explored_log, true_value
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.metrics.off_policy import LoggedDecisions, OffPolicyEstimator
from toolkit.metrics.off_policy.direct import Direct
from toolkit.metrics.off_policy.doubly_robust import DoublyRobust
from toolkit.metrics.off_policy.inverse_propensity import (
    InversePropensity,
    SelfNormalised,
)
from toolkit.metrics.off_policy.switch import Switch, switch_threshold


def mean_error(
    estimator: OffPolicyEstimator, *, model_error: float, worlds: int = 200
) -> tuple[float, float]:
    """Bias over many logs, and its standard error."""
    rng = np.random.default_rng(11)
    errors = []
    for _ in range(worlds):
        log = explored_log(rng, model_error=model_error)
        top, bottom = estimator.contributions(log)
        errors.append(top.sum() / bottom.sum() - true_value(1))
    return float(np.mean(errors)), float(np.std(errors) / np.sqrt(worlds))


@pytest.mark.parametrize("model_error", [0.0, 1.0])
def test_doubly_robust_is_unbiased_whatever_the_model(model_error: float) -> None:
    bias, error = mean_error(DoublyRobust(), model_error=model_error)

    assert abs(bias) < 3 * error


def test_inverse_propensity_is_unbiased() -> None:
    bias, error = mean_error(InversePropensity(), model_error=1.0)

    assert abs(bias) < 3 * error


def test_the_direct_method_inherits_the_error_of_its_model() -> None:
    bias, error = mean_error(Direct(), model_error=1.0)

    assert bias == pytest.approx(-0.25, abs=3 * error)


def test_a_good_model_makes_doubly_robust_more_precise_than_weights_alone() -> None:
    _, with_model = mean_error(DoublyRobust(), model_error=0.0)
    _, without = mean_error(InversePropensity(), model_error=0.0)

    assert with_model < 0.5 * without


def test_self_normalised_follows_a_shift_of_the_cost_scale() -> None:
    log = explored_log(np.random.default_rng(0))
    moved = LoggedDecisions(
        costs=log.costs + 100,
        propensities=log.propensities,
        target=log.target,
        clusters=log.clusters,
    )

    values = [
        float(
            np.divide(
                *(column.sum() for column in SelfNormalised().contributions(each))
            )
        )
        for each in (log, moved)
    ]

    assert values[1] - values[0] == pytest.approx(100)


def test_switch_without_a_limit_is_doubly_robust() -> None:
    log = explored_log(np.random.default_rng(0), model_error=0.3)

    np.testing.assert_array_equal(
        Switch(threshold=np.inf).contributions(log).numerator,
        DoublyRobust().contributions(log).numerator,
    )


def test_switch_below_every_weight_is_the_model_alone() -> None:
    log = explored_log(np.random.default_rng(0), model_error=0.3)
    without = replace(log, target=np.zeros_like(log.target))

    np.testing.assert_array_equal(
        Switch(threshold=0.5).contributions(log).numerator,
        DoublyRobust().contributions(without).numerator,
    )


def test_the_threshold_keeps_every_weight_where_the_model_is_far_off() -> None:
    log = explored_log(np.random.default_rng(0), rows=6000, model_error=2.0)

    assert switch_threshold(log) == np.inf


def test_the_threshold_drops_one_huge_weight_where_the_model_is_good() -> None:
    costs = np.ones(200)
    costs[0] = 1.01
    propensities = np.full(200, 0.5)
    propensities[0] = 1e-6
    log = LoggedDecisions(
        costs=costs,
        propensities=propensities,
        target=np.r_[1e-3, np.ones(99), np.zeros(100)],
        clusters=np.arange(200),
        predicted=np.ones(200),
        predicted_target=np.ones(200),
    )

    assert switch_threshold(log) < 1e3


def test_an_estimator_that_needs_a_model_says_so() -> None:
    log = LoggedDecisions(
        costs=np.ones(2),
        propensities=np.ones(2),
        target=np.ones(2),
        clusters=np.arange(2),
    )

    with pytest.raises(UsageError, match="`dr` needs `predicted`"):
        DoublyRobust().contributions(log)


def test_a_missing_propensity_is_not_enough_data() -> None:
    with pytest.raises(NotEnoughDataError, match="propensity is missing"):
        LoggedDecisions(
            costs=np.ones(2),
            propensities=np.array([0.5, np.nan]),
            target=np.ones(2),
            clusters=np.arange(2),
        )


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("costs", np.array([1.0, np.inf])),
        ("propensities", np.array([0.5, 0.0])),
        ("propensities", np.array([0.5, 1.5])),
        ("target", np.array([0.5, 1.5])),
        ("target", np.ones(3)),
        ("predicted", np.array([0.5, np.nan])),
    ],
    ids=["infinite", "impossible", "certain", "probability", "length", "model"],
)
def test_a_value_out_of_range_is_refused(field: str, column: np.ndarray) -> None:
    columns = {
        "costs": np.ones(2),
        "propensities": np.ones(2),
        "target": np.ones(2),
        "clusters": np.arange(2),
    }

    with pytest.raises(UsageError, match=f"`{field}`"):
        LoggedDecisions(**{**columns, field: column})


def test_a_threshold_must_be_positive() -> None:
    with pytest.raises(UsageError, match="above 0"):
        Switch(threshold=0.0)
