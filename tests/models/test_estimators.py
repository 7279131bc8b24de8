"""Every estimator of the room keeps scikit-learn's own contract."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

import toolkit.models
import toolkit.models.members
from toolkit.models import RatioCost, ShapedCost
from toolkit.models.members import BoostedCost, LinearCost, ScalabilityCurve

ESTIMATORS = [
    BoostedCost(max_iter=10),
    LinearCost(),
    ScalabilityCurve(max_iter=50),
    RatioCost(seconds=LinearCost(), success=LinearCost()),
    ShapedCost(level=LinearCost()),
]

EXPECTED_FAILURES = {
    "RatioCost": {
        "check_regressors_train": (
            "it predicts the logarithm of a cost, so its score against seconds says nothing"
        ),
        "check_supervised_y_2d": (
            "a y of one column is meant: seconds of operations that all succeeded"
        ),
        "check_dtype_object": "a y of objects is refused, in numpy's words",
    },
    "BoostedCost": {
        "check_sample_weight_equivalence_on_dense_data": (
            "bins and leaf sizes count rows, not weights; scikit-learn expects the same "
            "failure of HistGradientBoostingRegressor"
        )
    },
}


@pytest.mark.slow
@parametrize_with_checks(
    ESTIMATORS,
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(
        type(estimator).__name__, {}
    ),
)
def test_the_estimator_passes_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_every_exported_estimator_is_enrolled() -> None:
    exported = {
        name
        for room in (toolkit.models, toolkit.models.members)
        for name in room.__all__
        if isinstance(found := getattr(room, name), type)
        and issubclass(found, BaseEstimator)
    }

    enrolled = {type(estimator).__name__ for estimator in ESTIMATORS}

    assert exported == enrolled


def data(rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    load = rng.uniform(0, 1, rows)
    n = rng.choice([1, 2, 4, 8, 16, 32], rows)
    kappa = 0.002 + 0.03 * load
    y = np.log((1 + 0.1 * (n - 1) + kappa * n * (n - 1)) / n)
    return np.column_stack([load, np.log(n)]), y + rng.normal(0, 0.02, rows)


def test_the_scalability_curve_finds_how_the_optimum_moves_with_the_load() -> None:
    X, y = data()
    curve = ScalabilityCurve(alpha=0.1).fit(X, y)

    idle, busy = curve.coefficients(np.array([[0.0, 0.0], [1.0, 0.0]])).best

    # The truth is 21.2 and 5.3; a softplus of a line bends between them.
    assert 10 < idle < 32
    assert 4 < busy < 7


def test_a_price_moves_the_optimum_to_fewer() -> None:
    X, y = data()
    n = np.log([1, 2, 4, 8, 16, 32])
    offered = np.column_stack([np.full(6, 0.5), n])
    free = ScalabilityCurve().fit(X, y)
    paid = ScalabilityCurve(price_exponent=0.5).fit(X, y + 0.5 * X[:, 1])

    cheapest_free = int(np.argmin(free.predict(offered)))
    cheapest_paid = int(np.argmin(paid.predict(offered)))

    assert cheapest_paid < cheapest_free


@pytest.mark.parametrize("model", [BoostedCost(), LinearCost(), ScalabilityCurve()])
def test_a_missing_context_still_gets_a_finite_cost(model: Any) -> None:
    X, y = data()
    model.fit(X, y)

    predicted = model.predict(np.array([[np.nan, 1.0]]))

    assert np.isfinite(predicted).all()


def test_a_ratio_is_of_expectations_not_the_mean_of_quotients() -> None:
    rng = np.random.default_rng(1)
    succeeded = (rng.uniform(size=600) < 0.5).astype(float)
    X = np.zeros((600, 1))
    Y = np.column_stack([np.ones(600), succeeded])

    cost = np.exp(RatioCost().fit(X, Y).predict(X[:1]))[0]

    assert cost == pytest.approx(1 / succeeded.mean(), rel=1e-3)


def test_the_smearing_factor_restores_the_mean_of_skewed_seconds() -> None:
    rng = np.random.default_rng(2)
    seconds = rng.lognormal(0.0, 1.0, 4000)
    Y = np.column_stack([seconds, np.ones(4000)])

    cost = np.exp(RatioCost().fit(np.zeros((4000, 1)), Y).predict([[0.0]]))[0]

    assert cost == pytest.approx(seconds.mean(), rel=0.01)


def test_targets_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="two columns"):
        RatioCost().fit(np.zeros((3, 1)), np.ones((3, 3)))


def test_workloads_of_any_level_teach_one_shape() -> None:
    rng = np.random.default_rng(4)
    sizes = np.log([1, 2, 4, 8, 16, 32])
    shape = (sizes - np.log(8)) ** 2
    X = np.column_stack([np.repeat(rng.normal(size=20), 6), np.tile(sizes, 20)])
    y = np.repeat(rng.normal(0, 5, 20), 6) + np.tile(shape, 20)
    offered = np.column_stack([np.full(6, 0.3), sizes])

    shaped = ShapedCost().fit(X, y, problems=np.repeat(np.arange(20), 6))

    assert int(np.argmin(shaped.predict(offered))) == 3
