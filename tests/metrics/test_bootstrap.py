"""Claims about intervals over groups."""

from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.metrics import (
    RatioOfTotals,
    cluster_bootstrap,
    group_bootstrap,
    group_totals,
    paired_group_bootstrap,
)
from toolkit.metrics.bootstrap import (
    DifferenceOfRatios,
    LogRatioOfRatios,
    Method,
    TotalsFunction,
    effective_degrees,
)

STATISTICS: list[tuple[TotalsFunction, int]] = [
    (RatioOfTotals(), 2),
    (DifferenceOfRatios(), 4),
    (LogRatioOfRatios(), 4),
]


def uneven_groups(
    rng: np.random.Generator, groups: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    sizes = 1 + rng.multinomial(9 * groups, rng.dirichlet(np.full(groups, 2.0)))
    labels = np.repeat(np.arange(groups), sizes)
    means = rng.lognormal(0, 0.7, size=groups) - np.exp(0.245)
    return means[labels] + rng.normal(0, 0.3, size=len(labels)), labels


@pytest.mark.parametrize(
    ("statistic", "columns"), STATISTICS, ids=["ratio", "difference", "log ratio"]
)
def test_a_gradient_is_the_slope_of_its_value(
    statistic: TotalsFunction, columns: int
) -> None:
    totals = np.random.default_rng(0).uniform(1, 5, size=columns)
    step = 1e-6
    slopes = [
        (statistic.value(totals + step * unit) - statistic.value(totals - step * unit))
        / (2 * step)
        for unit in np.eye(columns)
    ]

    np.testing.assert_allclose(statistic.gradient(totals), slopes, rtol=1e-6)


@pytest.mark.parametrize("method", get_args(Method))
def test_the_same_generator_gives_the_same_interval(method: Method) -> None:
    values, labels = uneven_groups(np.random.default_rng(1), 12)

    first, second = (
        group_bootstrap(values, labels, rng=np.random.default_rng(5), method=method)
        for _ in range(2)
    )

    assert first == second


@pytest.mark.parametrize("method", get_args(Method))
def test_the_interval_moves_and_scales_with_the_values(method: Method) -> None:
    values, labels = uneven_groups(np.random.default_rng(2), 15)

    plain = group_bootstrap(values, labels, rng=np.random.default_rng(5), method=method)
    moved = group_bootstrap(
        3 * values + 7, labels, rng=np.random.default_rng(5), method=method
    )

    assert (moved.low, moved.high) == pytest.approx(
        (3 * plain.low + 7, 3 * plain.high + 7)
    )


def test_rows_of_one_group_count_as_one_observation() -> None:
    values, labels = uneven_groups(np.random.default_rng(3), 10)

    once = group_bootstrap(values, labels, rng=np.random.default_rng(0))
    copied = group_bootstrap(
        np.tile(values, 5), np.tile(labels, 5), rng=np.random.default_rng(0)
    )

    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


def test_the_jackknife_of_equal_groups_is_the_textbook_interval() -> None:
    interval = group_bootstrap(
        [1.0, 2.0, 3.0, 4.0, 5.0],
        np.arange(5),
        rng=np.random.default_rng(0),
        method="jackknife",
    )

    reach = 2.7764451 * np.sqrt(2.5 / 5)
    assert (interval.low, interval.high) == pytest.approx((3 - reach, 3 + reach))


def test_the_percentiles_of_bca_stay_inside_the_range_of_the_values() -> None:
    labels = np.arange(30)
    successes = (labels < 29).astype(float)

    interval = group_bootstrap(
        successes, labels, rng=np.random.default_rng(0), method="bca"
    )

    assert interval.high <= 1.0


def test_the_widest_interval_contains_both_of_its_parts() -> None:
    values, labels = uneven_groups(np.random.default_rng(4), 9)

    parts = [
        group_bootstrap(values, labels, rng=np.random.default_rng(0), method=method)
        for method in ("widest", "studentized", "jackknife")
    ]

    assert parts[0].low == min(each.low for each in parts)
    assert parts[0].high == max(each.high for each in parts)


def test_pairs_cancel_what_both_policies_share() -> None:
    rng = np.random.default_rng(6)
    problem = rng.normal(0, 10, size=40)
    labels = np.repeat(np.arange(10), 4)

    interval = paired_group_bootstrap(
        problem - 0.1 + rng.normal(0, 0.01, 40),
        problem,
        labels,
        rng=np.random.default_rng(0),
    )

    assert interval.high < -0.09


def test_equal_policies_differ_by_exactly_nothing() -> None:
    interval = paired_group_bootstrap(
        [1.0, 2.0], [1.0, 2.0], ["a", "b"], rng=np.random.default_rng(0)
    )

    assert (interval.low, interval.high, interval.excludes_zero) == (0.0, 0.0, False)


def test_one_group_has_no_interval() -> None:
    with pytest.raises(NotEnoughDataError, match="1 groups, at least 2 needed"):
        group_bootstrap([1.0, 2.0], ["a", "a"], rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("values", "labels", "message"),
    [
        ([1.0], ["a", "b"], "differ in shape"),
        ([1.0, np.nan], ["a", "b"], "finite"),
        ([], [], "non-empty"),
    ],
    ids=["lengths", "not finite", "empty"],
)
def test_unusable_values_are_refused(
    values: list[float], labels: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        group_totals([values], labels)


@pytest.mark.parametrize(("level", "replicates"), [(0.0, 500), (1.0, 500), (0.9, 10)])
def test_a_level_or_a_number_of_resamples_out_of_range_is_refused(
    level: float, replicates: int
) -> None:
    with pytest.raises(UsageError, match="level"):
        cluster_bootstrap(
            np.ones((5, 2)),
            RatioOfTotals(),
            rng=np.random.default_rng(0),
            level=level,
            replicates=replicates,
        )


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "least"), [(6, 0.89), (20, 0.92), (100, 0.93)])
def test_intervals_hold_the_truth_of_skewed_uneven_groups(
    groups: int, least: float
) -> None:
    rng = np.random.default_rng(7)
    worlds = 500
    held = 0
    for _ in range(worlds):
        values, labels = uneven_groups(rng, groups)
        interval = group_bootstrap(values, labels, rng=rng, replicates=500)
        held += interval.low <= 0 <= interval.high

    # The bound is the figure of the module's docstring less two standard errors.
    assert held / worlds >= least - 2 * np.sqrt(least * (1 - least) / worlds)


def test_few_degrees_widen_the_jackknife() -> None:
    totals = np.random.default_rng(0).normal(size=(30, 2)) + 5.0

    plain, few = (
        cluster_bootstrap(
            totals,
            RatioOfTotals(),
            rng=np.random.default_rng(0),
            method="jackknife",
            degrees=degrees,
        )
        for degrees in (None, 3.0)
    )

    assert few.high - few.low > 1.3 * (plain.high - plain.low)


@pytest.mark.parametrize(
    ("shares", "degrees"),
    [([0.0, 0.0, 0.0], 2.0), ([5.0] * 40, 39.0), ([1e6, 1.0, 1.0], 1.0)],
    ids=["nothing", "even", "one decides"],
)
def test_degrees_count_the_groups_that_decide(
    shares: list[float], degrees: float
) -> None:
    assert effective_degrees(shares) == pytest.approx(degrees, rel=1e-6)
