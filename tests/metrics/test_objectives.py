"""The five objectives: verdicts, burn, claims, and no data."""

import pytest

from toolkit.errors import UsageError
from toolkit.metrics import (
    OBJECTIVES,
    Objective,
    Period,
    Trials,
    objective_report,
    parted,
)
from toolkit.metrics.objectives import Claim, Verdict

BY_NAME = {objective.name: objective for objective in OBJECTIVES}
EFFICIENCY = BY_NAME["coordination_efficiency"]


def day(
    label: str, successes: int, count: int, objective: Objective = EFFICIENCY
) -> Period:
    return Period(
        label=label,
        trials={objective.name: Trials(successes=successes, count=count)},
    )


def claimed(objective: Objective, now: list[Period], before: list[Period]) -> Claim:
    return objective_report(objective, now, before).claim


def test_targets_are_the_specifications() -> None:
    assert {name: each.target for name, each in BY_NAME.items()} == {
        "coordination_efficiency": 0.85,
        "parallel_execution_rate": 0.90,
        "workflow_reliability": 0.95,
        "memory_consistency": 0.99,
        "self_healing_effectiveness": 0.80,
    }


@pytest.mark.parametrize(
    ("successes", "count", "verdict"),
    [
        (950, 1000, Verdict.MET),
        (500, 1000, Verdict.MISSED),
        (9, 10, Verdict.OPEN),
        (0, 0, Verdict.NO_DATA),
    ],
)
def test_a_verdict_needs_the_whole_interval(
    successes: int, count: int, verdict: Verdict
) -> None:
    report = objective_report(EFFICIENCY, [day("d", successes, count)], [])

    assert report.verdict is verdict


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda each: each.name)
def test_no_data_is_no_interval_and_no_measured_claim(objective: Objective) -> None:
    report = objective_report(objective, [], [])

    assert (report.interval, report.claim.measured, report.claim.verdict) == (
        None,
        None,
        Verdict.NO_DATA,
    )


def test_days_add_up() -> None:
    report = objective_report(EFFICIENCY, [day("a", 3, 4), day("b", 1, 6)], [])

    assert report.trials == Trials(successes=4, count=10)


def test_burn_is_failures_over_what_the_target_allows() -> None:
    report = objective_report(EFFICIENCY, [day("a", 85, 100), day("b", 70, 100)], [])

    assert [each.rate for each in report.burn] == pytest.approx([1.0, 2.0])


def test_a_day_without_data_has_no_burn() -> None:
    report = objective_report(EFFICIENCY, [Period(label="a", trials={})], [])

    assert report.burn[0].rate is None


def test_a_gain_is_measured_against_the_baseline() -> None:
    claim = claimed(EFFICIENCY, [day("b", 9000, 10_000)], [day("a", 6000, 10_000)])

    assert claim.measured == pytest.approx(0.5)
    assert claim.verdict is Verdict.MET


def test_a_gain_within_the_noise_is_open() -> None:
    claim = claimed(EFFICIENCY, [day("b", 9, 10)], [day("a", 7, 10)])

    assert claim.verdict is Verdict.OPEN


def test_no_gain_misses_the_claim() -> None:
    claim = claimed(EFFICIENCY, [day("b", 9000, 10_000)], [day("a", 9000, 10_000)])

    assert claim.verdict is Verdict.MISSED


def test_a_baseline_without_data_or_success_measures_nothing() -> None:
    now = [day("b", 9, 10)]

    reasons = [
        claimed(EFFICIENCY, now, before).reason for before in ([], [day("a", 0, 9)])
    ]

    assert reasons == [
        "no data in the baseline period",
        "nothing succeeded in the baseline period",
    ]


def test_a_claimed_share_is_compared_with_the_share() -> None:
    reliability = BY_NAME["workflow_reliability"]

    claim = claimed(reliability, [day("b", 960, 1000, reliability)], [])

    assert (claim.measured, claim.verdict) == (0.96, Verdict.MISSED)


def test_faster_completion_is_a_ratio_of_costs() -> None:
    parallel = BY_NAME["parallel_execution_rate"]
    before = Period(label="a", trials={}, seconds_per_operation=(100.0, 10))
    now = Period(label="b", trials={}, seconds_per_operation=(50.0, 10))

    claim = claimed(parallel, [now], [before])

    assert claim.measured == 0.5


def test_faster_completion_without_times_is_no_data() -> None:
    parallel = BY_NAME["parallel_execution_rate"]

    claim = claimed(parallel, [day("b", 9, 10, parallel)], [])

    assert (claim.verdict, claim.reason) == (
        Verdict.NO_DATA,
        "no timed batches in the baseline period",
    )


def test_a_claim_without_a_quantity_says_so() -> None:
    healing = BY_NAME["self_healing_effectiveness"]

    claim = claimed(healing, [day("b", 9, 10, healing)], [])

    assert claim.reason == "the claim names no quantity"


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(UsageError, match="successes"):
        Trials(successes=2, count=1)


def test_events_of_one_session_do_not_narrow_the_interval() -> None:
    sessions = {
        EFFICIENCY.name: {
            name: Trials(successes=100 * (number % 2), count=100)
            for number, name in enumerate("abcdefgh")
        }
    }
    trials = {EFFICIENCY.name: Trials(successes=400, count=800)}
    clustered = Period(label="d", trials=trials, sessions=sessions)
    plain = Period(label="d", trials=trials)

    wide, narrow = (
        objective_report(EFFICIENCY, [each], []).interval for each in (clustered, plain)
    )

    assert wide is not None
    assert narrow is not None
    assert wide.high - wide.low > 6 * (narrow.high - narrow.low)


def test_the_baseline_is_a_share_of_the_days_with_that_kind_of_record() -> None:
    empty = [Period(label=f"a{n}", trials={}) for n in range(10)]
    held = [day(f"b{n}", 1, 2) for n in range(10)]

    baseline, judged = parted(EFFICIENCY, [*empty, *held], share=0.2)

    assert [each.label for each in baseline[-2:]] == ["b0", "b1"]
    assert [each.label for each in judged] == [f"b{n}" for n in range(2, 10)]
