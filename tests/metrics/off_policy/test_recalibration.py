"""Claims about laying a cost model on the log before it is used."""

from dataclasses import replace

import numpy as np
import pytest

from tests.metrics.off_policy.explored import explored_log, true_value
from toolkit.errors import NotEnoughDataError
from toolkit.metrics.off_policy import LoggedDecisions
from toolkit.metrics.off_policy.doubly_robust import DoublyRobust
from toolkit.metrics.off_policy.switch import Switch


def estimate(log: LoggedDecisions) -> float:
    top, bottom = DoublyRobust().contributions(log)
    return float(top.sum() / bottom.sum())


def turned(
    log: LoggedDecisions, *, slope: float, level: float = 0.0
) -> LoggedDecisions:
    assert log.predicted is not None
    assert log.predicted_target is not None
    return replace(
        log,
        predicted=level + slope * log.predicted,
        predicted_target=level + slope * log.predicted_target,
    )


@pytest.mark.parametrize("slope", [-1.0, 0.1, 40.0])
def test_a_model_wrong_everywhere_in_the_same_way_costs_nothing(slope: float) -> None:
    log = explored_log(np.random.default_rng(0), model_error=0.3)

    assert estimate(turned(log, slope=slope, level=7.0)) == pytest.approx(estimate(log))


def test_a_model_that_says_nothing_does_no_harm() -> None:
    log = explored_log(np.random.default_rng(0), rows=6000)

    assert estimate(turned(log, slope=0.0)) == pytest.approx(true_value(1), abs=0.1)


def test_an_estimate_does_not_rise_and_fall_with_the_number_of_matches() -> None:
    rng = np.random.default_rng(3)
    matched, errors = [], []
    for _ in range(300):
        log = turned(explored_log(rng), slope=-1.0)
        matched.append(log.target.sum())
        errors.append(estimate(log) - true_value(1))

    assert abs(np.corrcoef(matched, errors)[0, 1]) < 0.2


def test_a_decisions_own_cluster_takes_no_part() -> None:
    log = explored_log(np.random.default_rng(0), model_error=0.3)
    first = log.clusters == 0
    moved = replace(log, costs=np.where(first, log.costs + 50.0, log.costs))

    before, after = (
        DoublyRobust().contributions(each).numerator for each in (log, moved)
    )

    unmatched = first & (log.target == 0)
    np.testing.assert_allclose(before[unmatched], after[unmatched])


@pytest.mark.parametrize("estimator", [DoublyRobust(), Switch()], ids=["dr", "switch"])
def test_one_cluster_is_not_enough(estimator: DoublyRobust | Switch) -> None:
    log = explored_log(np.random.default_rng(0))
    one = replace(log, clusters=np.zeros_like(log.clusters))

    with pytest.raises(NotEnoughDataError, match="at least 2 needed"):
        estimator.contributions(one)
