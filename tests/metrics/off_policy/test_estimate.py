"""Claims about values and comparisons with their intervals."""

from dataclasses import replace

import numpy as np
import pytest

from tests.metrics.off_policy.explored import explored_log, true_value
from toolkit.errors import UsageError
from toolkit.metrics.off_policy import (
    LoggedDecisions,
    Sampling,
    compare_policies,
    estimate_policy,
)
from toolkit.metrics.off_policy.doubly_robust import DoublyRobust
from toolkit.metrics.off_policy.inverse_propensity import (
    InversePropensity,
    SelfNormalised,
)

QUICK = Sampling(replicates=300)


def both_views(seed: int) -> tuple[LoggedDecisions, LoggedDecisions]:
    """One log, seen by the policies that always take one action."""
    return (
        explored_log(np.random.default_rng(seed), target=1),
        explored_log(np.random.default_rng(seed), target=0),
    )


@pytest.mark.slow
@pytest.mark.parametrize("model_error", [0.0, 1.0])
def test_intervals_of_doubly_robust_hold_the_value(model_error: float) -> None:
    rng = np.random.default_rng(5)
    worlds, held = 300, 0
    for _ in range(worlds):
        interval = estimate_policy(
            DoublyRobust(),
            explored_log(rng, model_error=model_error),
            rng=rng,
            sampling=QUICK,
        )
        held += interval.low <= true_value(1) <= interval.high

    error = np.sqrt(0.95 * 0.05 / worlds)
    assert 0.93 - 2 * error <= held / worlds <= 0.97 + 2 * error


def test_a_comparison_is_the_difference_of_the_two_values() -> None:
    log, reference = both_views(1)

    values = [
        estimate_policy(
            DoublyRobust(), each, rng=np.random.default_rng(0), sampling=QUICK
        ).estimate
        for each in (log, reference)
    ]
    difference = compare_policies(
        DoublyRobust(), log, reference, rng=np.random.default_rng(0), sampling=QUICK
    )

    assert difference.estimate == pytest.approx(values[0] - values[1])


def test_a_comparison_with_itself_is_exactly_nothing() -> None:
    log, _ = both_views(1)

    same = compare_policies(
        DoublyRobust(), log, log, rng=np.random.default_rng(0), sampling=QUICK
    )

    assert (same.low, same.high) == (0.0, 0.0)


def test_seconds_per_success_is_a_ratio_of_expectations() -> None:
    log, _ = both_views(2)
    got = np.where(log.target > 0, 4.0, 1.0)

    interval = estimate_policy(
        SelfNormalised(),
        log,
        rng=np.random.default_rng(0),
        sampling=QUICK,
        per=replace(log, costs=got),
    )

    weighted = (log.weights * log.costs).sum() / (log.weights * got).sum()
    assert interval.estimate == pytest.approx(weighted)


def test_a_comparison_of_ratios_does_not_depend_on_the_unit_of_cost() -> None:
    log, reference = both_views(3)
    per = replace(log, costs=np.ones(600))
    reference_per = replace(reference, costs=np.ones(600))

    in_seconds, in_hours = (
        compare_policies(
            InversePropensity(),
            replace(log, costs=log.costs / unit),
            replace(reference, costs=reference.costs / unit),
            rng=np.random.default_rng(0),
            sampling=QUICK,
            per=per,
            reference_per=reference_per,
        )
        for unit in (1.0, 3600.0)
    )

    assert in_hours.high == pytest.approx(in_seconds.high)


def test_two_different_logs_cannot_be_compared() -> None:
    log, _ = both_views(1)

    with pytest.raises(UsageError, match="same decisions"):
        compare_policies(
            InversePropensity(),
            log,
            explored_log(np.random.default_rng(0), rows=12),
            rng=np.random.default_rng(0),
            sampling=QUICK,
        )


def test_one_sided_ratios_are_refused() -> None:
    log, reference = both_views(1)

    with pytest.raises(UsageError, match="or none"):
        compare_policies(
            InversePropensity(),
            log,
            reference,
            rng=np.random.default_rng(0),
            sampling=QUICK,
            per=log,
        )


def test_an_interval_is_wider_where_few_sessions_decide() -> None:
    log = explored_log(np.random.default_rng(4))
    of_all = Sampling(replicates=300, method="jackknife")
    few = replace(log, target=np.where(log.clusters < 12, log.target, 0.0))

    degrees = []
    for each in (log, few):
        found = estimate_policy(
            InversePropensity(), each, rng=np.random.default_rng(0), sampling=of_all
        )
        degrees.append((found.high - found.estimate) / found.standard_error)

    assert degrees[1] > 1.05 * degrees[0] > 1.9
