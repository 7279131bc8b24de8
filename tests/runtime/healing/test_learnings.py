import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.runtime.healing import (
    Backoff,
    CircuitBreaker,
    IssueKind,
    SilenceThresholds,
)
from toolkit.runtime.healing.issues import LADDERS
from toolkit.runtime.healing.learnings import Learnings, wilson_bounds
from toolkit.runtime.healing.prevention import (
    Forecast,
    Prevention,
    PreventionPlan,
    crossing_probability,
)

STUCK = IssueKind.STUCK_AGENT


def learned(**counts: tuple[int, int]) -> Learnings:
    learnings = Learnings()
    for rung, (worked, tried) in counts.items():
        for n in range(tried):
            learnings.note(STUCK, rung, "short", n < worked)
    return learnings


def test_a_ladder_without_evidence_stays_as_the_specification_lists_it() -> None:
    ladder = LADDERS[STUCK]

    assert Learnings().order(STUCK, ladder, "short") == ladder


def test_a_rung_overtakes_one_that_hardly_ever_works() -> None:
    learnings = learned(coordination_reminder=(0, 20), reassign_task=(18, 20))

    first = learnings.order(STUCK, LADDERS[STUCK], "short")[0]

    assert first.name == "reassign_task"


def test_a_lucky_rung_does_not_overtake() -> None:
    learnings = learned(coordination_reminder=(2, 10), reassign_task=(5, 10))

    assert learnings.order(STUCK, LADDERS[STUCK], "short") == LADDERS[STUCK]


def test_evidence_for_short_delays_says_nothing_about_long_ones() -> None:
    learnings = learned(coordination_reminder=(0, 20), reassign_task=(18, 20))

    assert learnings.order(STUCK, LADDERS[STUCK], "long") == LADDERS[STUCK]


def test_a_learning_is_written_only_when_the_evidence_says_so() -> None:
    few = learned(coordination_reminder=(2, 2))
    many = learned(coordination_reminder=(9, 10))

    assert few.sentence(STUCK, "coordination_reminder", "short") is None
    assert (
        many.sentence(STUCK, "coordination_reminder", "short")
        == "gentle_nudge_effective_for_short_delays"
    )


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson_bounds_hold_the_observed_share(worked: int, more: int) -> None:
    tried = worked + more
    low, high = wilson_bounds(worked, tried)

    assert 0 <= low <= high <= 1
    assert not tried or low - 1e-12 <= worked / tried <= high + 1e-12


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_a_wait_is_within_its_jitter_and_below_its_cap(
    failures: int, seed: int
) -> None:
    backoff = Backoff()
    wait_s = backoff.wait_s(failures, np.random.default_rng(seed))

    middle = min(300.0, 10.0 * 2.0 ** (failures - 1))

    assert 0.8 * middle <= wait_s <= 1.2 * middle


def test_an_action_that_took_effect_closes_the_breaker() -> None:
    breaker = CircuitBreaker(most_failures=1)
    breaker.failed("r", 0.0)
    breaker.acted("r")

    assert breaker.allows("r", 1.0)


def update(
    prevention: Prevention, check: str, at_s: float, value: float, threshold: float
) -> Forecast | None:
    prevention.note(check, at_s, value, threshold)
    return prevention.forecast(check, at_s, threshold)


def test_a_flat_value_with_noise_raises_no_alarm() -> None:
    random = np.random.default_rng(3)
    prevention = Prevention(PreventionPlan())

    for n in range(2000):
        value = 0.8 + 0.05 * float(random.standard_normal())
        update(prevention, "check", 60.0 * n, value, 0.4)

    assert prevention.count.alarms == 0


def test_a_falling_value_is_foreseen_before_it_crosses() -> None:
    prevention = Prevention(PreventionPlan())
    values = [1.0 - 0.06 * n for n in range(12)]

    foreseen = [
        value
        for n, value in enumerate(values)
        if update(prevention, "check", 60.0 * n, value, 0.4)
    ]

    assert foreseen[0] >= 0.4


def test_an_alarm_that_nothing_followed_is_counted_as_false() -> None:
    prevention = Prevention(PreventionPlan())
    for n, value in enumerate([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.7, 0.9]):
        update(prevention, "check", 60.0 * n, value, 0.42)

    assert prevention.count.false_alarms == 1


def test_a_treated_alarm_whose_check_recovers_is_counted_as_prevented() -> None:
    prevention = Prevention(PreventionPlan())
    for n, value in enumerate([1.0, 0.9, 0.8, 0.7, 0.6, 0.5]):
        if update(prevention, "check", 60.0 * n, value, 0.42):
            prevention.treated("check")
    update(prevention, "check", 600.0, 0.95, 0.42)

    assert prevention.count.prevented == 1


def test_the_forecast_agrees_with_least_squares() -> None:
    random = np.random.default_rng(5)
    times = np.arange(10) * 30.0
    values = 1.0 - 0.002 * times + 0.01 * random.standard_normal(10)
    points = list(zip(times.tolist(), values.tolist(), strict=True))

    forecast = crossing_probability(points, 330.0, 0.4)

    slope, start = np.polyfit(times, values, 1)
    assert forecast is not None
    assert forecast.value == pytest.approx(start + slope * 330.0)


def test_known_gaps_survive_being_written_and_read(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("gaps") / "gaps.json"
    book = SilenceThresholds()
    for n in range(30):
        book.learn("build", 300.0 + n)
    book.save(path)
    loaded = SilenceThresholds.load(path)

    assert loaded.allowance_s("build") == book.allowance_s("build")
