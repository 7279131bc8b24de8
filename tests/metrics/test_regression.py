"""Claims about the distance between predicted and observed costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.metrics import r2_score

from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.metrics import mean_absolute_log_error, r_squared, rank_correlation

VALUES = arrays(np.float64, 12, elements=st.integers(1, 6).map(float))


@given(VALUES, VALUES)
def test_explained_variance_equals_the_reference(
    observed: np.ndarray, predicted: np.ndarray
) -> None:
    observed = np.append(observed, [1.0, 2.0])
    predicted = np.append(predicted, [1.0, 2.0])

    assert r_squared(observed, predicted) == pytest.approx(
        r2_score(observed, predicted)
    )


@given(VALUES, VALUES)
def test_rank_correlation_with_ties_equals_the_reference(
    observed: np.ndarray, predicted: np.ndarray
) -> None:
    observed = np.append(observed, [1.0, 2.0])
    predicted = np.append(predicted, [1.0, 2.0])

    assert rank_correlation(observed, predicted) == pytest.approx(
        stats.spearmanr(observed, predicted).statistic
    )


def test_too_low_and_too_high_by_one_factor_are_equally_wrong() -> None:
    low = mean_absolute_log_error([2.0], [1.0])

    assert low == mean_absolute_log_error([1.0], [2.0])


@pytest.mark.parametrize("metric", [r_squared, rank_correlation])
def test_constant_observations_leave_nothing_to_explain(metric: object) -> None:
    assert callable(metric)
    with pytest.raises(NotEnoughDataError, match="distinct values"):
        metric([1.0, 1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("observed", "predicted"),
    [([], []), ([1.0], [1.0, 2.0]), ([1.0], [np.inf]), ([0.0], [1.0])],
    ids=["empty", "lengths", "infinite", "zero cost"],
)
def test_unusable_pairs_are_refused(
    observed: list[float], predicted: list[float]
) -> None:
    with pytest.raises(UsageError):
        mean_absolute_log_error(observed, predicted)
