"""The coordination monitor: factors, cross-agent questions, alerts, bounded memory."""

import datetime as dt
import random
from typing import Any

import pytest

from toolkit.errors import UsageError
from toolkit.notifier import MemoryNotifier
from toolkit.policies.rules import EfficiencyScore
from toolkit.records import CoordinationEvent, Outcome, Provenance, Turn
from toolkit.runtime.coordination import AlertKind, CoordinationMonitor, MonitorSettings
from toolkit.runtime.coordination.alerts import Priority
from toolkit.runtime.coordination.factors import FACTORS, Factors
from toolkit.runtime.coordination.settings import Band

START = 1_700_000_000.0
AT_ONCE: dict[str, Any] = {
    "drop_lasts": 1,
    "drop_threshold": 0.5,
    "drop_minimum": 10,
    "rate_evidence": 0.0,
    "silence_floor_s": 0.0,
    "silence_unknown_s": 0.0,
}


def watching(**settings: Any) -> tuple[CoordinationMonitor, MemoryNotifier]:
    """Watch with alerts at once and without a floor, so that each can be shown."""
    notifier = MemoryNotifier()
    given = {**AT_ONCE, **settings}
    return (
        CoordinationMonitor(notifier=notifier, settings=MonitorSettings(**given)),
        notifier,
    )


def told(notifier: MemoryNotifier) -> list[str]:
    return [str(each.metadata["alert"]) for each in notifier.kept]


def of_swarm(monitor: CoordinationMonitor) -> list[AlertKind]:
    return [alert.kind for alert in monitor.alerts if alert.agent is None]


def factors(monitor: CoordinationMonitor, agent: str = "a") -> Factors:
    return monitor.efficiency(agent).factors


def test_an_agent_that_has_done_nothing_has_no_score() -> None:
    monitor, _ = watching()

    efficiency = monitor.efficiency("nobody")

    assert (efficiency.score, efficiency.band, efficiency.absent) == (
        None,
        None,
        FACTORS,
    )


def test_a_swarm_without_agents_has_no_score() -> None:
    monitor, _ = watching()

    overall = monitor.overall()

    assert (overall.score, overall.duplicate_work_rate, overall.stale_read_rate) == (
        None,
        None,
        None,
    )


def test_two_factors_make_no_score() -> None:
    monitor, _ = watching()

    for second in range(4):
        monitor.track("a", "edit", "k", START + second)
    report = monitor.report("a")

    assert (report.agent_efficiency.score, len(report.agent_efficiency.absent)) == (
        None,
        3,
    )


def test_three_factors_are_renormalised() -> None:
    monitor, _ = watching()

    for second in range(4):
        monitor.track("a", "edit", "k", START + second, action="read", waited_s=1.0)

    seen = factors(monitor)
    assert monitor.efficiency("a").score == pytest.approx(
        EfficiencyScore().score(
            operation_frequency=seen.operation_frequency,
            memory_consistency=seen.memory_consistency,
            coordination_latency=seen.coordination_latency,
            duplicate_work=seen.duplicate_work,
        )
    )


def test_a_steady_rate_is_as_expected() -> None:
    monitor, _ = watching()

    for second in range(100):
        monitor.track("a", "edit", None, START + second)

    assert factors(monitor).operation_frequency == 1.0


def test_a_slowing_agent_falls_behind_its_expectation() -> None:
    monitor, _ = watching()
    at = START

    for gap in [1.0] * 100 + [4.0] * 9:
        at += gap
        monitor.track("a", "edit", None, at)

    weights = [0.5 ** (age / 50) for age in range(108)]
    gaps = ([1.0] * 99 + [4.0] * 9)[::-1]
    expected = sum(w * g for w, g in zip(weights, gaps, strict=True)) / sum(weights)
    assert factors(monitor).operation_frequency == pytest.approx(expected / 4.0)


def test_latency_is_the_median_of_the_last_ten_waits() -> None:
    monitor, _ = watching()

    for number, waited_s in enumerate([99.0] * 5 + [1.0] * 6 + [3.0] * 4):
        monitor.track("a", "edit", None, START + number, waited_s=waited_s)

    assert factors(monitor).coordination_latency == 0.5


def test_compliance_counts_operations_with_both_events() -> None:
    monitor, _ = watching()

    for number, post in enumerate([True, True, True, False, None]):
        monitor.track(
            "a",
            "edit",
            None,
            START + number,
            has_pre_event=True,
            has_post_event=post,
        )

    assert factors(monitor).hook_compliance == 0.75


def test_a_write_over_an_unseen_write_is_stale() -> None:
    monitor, _ = watching()
    monitor.track("a", "edit", "k", START, action="read")
    monitor.track("b", "edit", "k", START + 1, action="write")

    monitor.track("a", "save", "k", START + 2, action="write")

    assert factors(monitor).memory_consistency == 0.5


def test_a_write_after_looking_is_not_stale() -> None:
    monitor, _ = watching()
    monitor.track("b", "edit", "k", START, action="write")
    monitor.track("a", "look", "k", START + 1, action="read")

    monitor.track("a", "save", "k", START + 2, action="write")

    assert factors(monitor).memory_consistency == 1.0


def test_an_own_write_makes_nothing_stale() -> None:
    monitor, _ = watching()

    for second in range(3):
        monitor.track("a", "edit", "k", START + second, action="write")

    assert factors(monitor).memory_consistency == 1.0


def test_a_read_of_an_older_version_is_stale() -> None:
    monitor, _ = watching()
    monitor.track("b", "put", "k", START, action="write", version=2)

    monitor.track("a", "get", "k", START + 1, action="read", version_seen=1)

    assert monitor.overall().stale_read_rate == 1.0


def test_a_stale_read_has_not_seen_the_newest_write() -> None:
    monitor, _ = watching()
    monitor.track("b", "put", "k", START, action="write", version=2)
    monitor.track("a", "get", "k", START + 1, action="read", version_seen=1)

    monitor.track("a", "put", "k", START + 2, action="write")

    assert monitor.overall().conflicting_write_rate == 0.5


def test_versions_outrank_times() -> None:
    monitor, _ = watching()
    monitor.track("b", "put", "k", START, action="write", version=2)

    monitor.track("a", "put", "k", START + 1, action="write", version_seen=2)

    assert monitor.overall().conflicting_write_rate == 0.0


def test_the_same_by_another_agent_is_duplicate_work() -> None:
    monitor, _ = watching()
    monitor.track("a", "look", "k", START, action="read")

    monitor.track("b", "look", "k", START + 1, action="read")

    assert monitor.overall().duplicate_work_rate == 0.5


@pytest.mark.parametrize(
    ("agent", "operation", "key", "after_s"),
    [
        ("a", "look", "k", 1.0),
        ("b", "list", "k", 1.0),
        ("b", "look", "l", 1.0),
        ("b", "look", None, 1.0),
        ("b", "look", "k", 300.5),
        ("b", "look", "k", 0.0),
    ],
    ids=["own", "operation", "key", "no key", "too old", "same instant"],
)
def test_what_differs_is_no_duplicate(
    agent: str, operation: str, key: str | None, after_s: float
) -> None:
    monitor, _ = watching()
    monitor.track("a", "look", "k", START, action="read")

    monitor.track(agent, operation, key, START + after_s, action="read")

    assert monitor.counts().duplicates == 0


def test_a_write_between_makes_it_new_work() -> None:
    monitor, _ = watching()
    monitor.track("a", "look", "k", START, action="read")
    monitor.track("c", "edit", "k", START + 1, action="write")

    monitor.track("b", "look", "k", START + 2, action="read")

    assert monitor.counts().duplicates == 0


def test_work_that_left_its_agents_window_is_no_longer_repeated() -> None:
    monitor, _ = watching()
    monitor.track("a", "look", "k", START, action="read")
    for number in range(10):
        monitor.track("a", "other", f"x{number}", START + 1 + number)

    monitor.track("b", "look", "k", START + 20, action="read")

    assert monitor.counts().duplicates == 0


def test_operations_age_out_of_the_cross_agent_window() -> None:
    monitor, _ = watching()
    monitor.track("a", "look", "k", START)
    monitor.track("b", "look", "l", START + 200)

    monitor.advance(START + 301)

    assert (monitor.overall().operations, monitor.overall().live_agents) == (1, 1)


def test_an_aged_agent_comes_back_to_life() -> None:
    monitor, _ = watching()
    monitor.track("a", "look", "k", START)
    monitor.advance(START + 301)

    monitor.track("a", "look", "k", START + 400)

    assert (monitor.overall().operations, monitor.overall().live_agents) == (1, 1)


def test_a_long_silent_agent_begins_a_new_life() -> None:
    monitor, _ = watching()
    for second in range(5):
        monitor.track("a", "look", "k", START + second)

    monitor.track("a", "look", "k", START + 4000)

    assert monitor.efficiency("a").operations == 1


def scored(
    monitor: CoordinationMonitor, at: float, waited_s: float, agent: str = "a"
) -> Any:
    return monitor.track(
        agent,
        "run",
        f"own-{agent}",
        at,
        action="write",
        waited_s=waited_s,
        has_pre_event=True,
        has_post_event=True,
    )


def test_overall_weighs_scores_by_operations() -> None:
    monitor, _ = watching()
    for second in range(8):
        scored(monitor, START + second, 0.0, "a")
    for second in range(2):
        scored(monitor, START + 8 + second, 3.0, "b")

    a, b = (monitor.efficiency(name).score for name in "ab")

    assert a is not None
    assert b is not None
    assert monitor.overall().score == pytest.approx((8 * a + 2 * b) / 10, abs=1e-11)


def test_a_lost_band_alerts_once_with_its_priority() -> None:
    monitor, notifier = watching(drop_threshold=99.0)
    for second in range(10):
        scored(monitor, START + second, 0.0)
    for second in range(10, 40):
        scored(monitor, START + second, 99.0)

    alerts = [a for a in monitor.alerts if a.kind is AlertKind.EFFICIENCY_DROP]

    assert (told(notifier), alerts[0].band, alerts[0].priority) == (
        ["efficiency_drop"],
        Band.GOOD,
        Priority.LOW,
    )


def test_an_alert_clears_only_past_its_hysteresis() -> None:
    monitor, notifier = watching(drop_threshold=99.0)
    for second in range(10):
        scored(monitor, START + second, 0.0)
    for second in range(10, 60):  # waits swing the score around the border of 0.9
        scored(monitor, START + second, 0.98 if second // 10 % 2 else 1.02)

    assert told(notifier) == ["efficiency_drop"]


def test_a_recovered_score_clears_its_alert() -> None:
    monitor, _ = watching(drop_threshold=99.0)
    for second, waited_s in enumerate([0.0] * 10 + [99.0] * 10 + [0.0] * 10):
        scored(monitor, START + second, waited_s)

    assert monitor.alerts == ()


def test_alerts_reach_the_notifier_without_a_report() -> None:
    monitor, notifier = watching()
    monitor.track("a", "look", "k", START, action="read")
    monitor.track("b", "look", "k", START + 1, action="read")

    assert told(notifier) == ["duplicate_work"]


def test_a_swarm_alert_lasts_until_the_rate_has_come_back() -> None:
    monitor, notifier = watching()
    monitor.track("a", "look", "k", START, action="read")
    monitor.track("b", "look", "k", START + 1, action="read")
    for number in range(8):  # one duplicate of ten: exactly the limit
        monitor.track("b", "own", f"b{number}", START + 2 + number)
    lasting = of_swarm(monitor)
    for number in range(12):
        monitor.track("c", "own", f"c{number}", START + 10 + number)

    assert (lasting, of_swarm(monitor)) == ([AlertKind.DUPLICATE_WORK], [])
    assert told(notifier).count("duplicate_work") == 1


def test_conflicting_writes_alert() -> None:
    monitor, notifier = watching()
    monitor.track("a", "put", "k", START, action="write")
    monitor.track("b", "set", "k", START + 1, action="write")

    assert told(notifier) == ["conflicting_writes"]


def test_silence_is_told_at_the_first_event_that_shows_it() -> None:
    monitor, notifier = watching()
    for second in range(10):
        monitor.track("a", "own", "a", START + second)
    monitor.track("b", "own", "b", START + 11.9)
    before = told(notifier)
    monitor.track("b", "own", "b", START + 12.1)

    assert (before, told(notifier)) == ([], ["agent_silent"])
    assert monitor.overall().idle == ("a",)


def test_a_sign_of_life_ends_the_silence() -> None:
    monitor, _ = watching()
    for second in range(10):
        monitor.track("a", "own", "a", START + second)
    monitor.advance(START + 20)

    monitor.track("a", "own", "a", START + 21)

    assert (monitor.alerts, monitor.overall().idle) == ((), ())


def test_silence_follows_an_expectation_that_shortened() -> None:
    monitor, notifier = watching()
    monitor.track("a", "own", "a", START)
    at = START + 200
    for _ in range(400):
        monitor.track("a", "own", "a", at)
        at += 0.1

    monitor.advance(at + 4)

    assert told(notifier) == ["agent_silent"]


def test_a_sudden_drop_is_told_and_cleared() -> None:
    monitor, notifier = watching()
    for second in range(30):
        scored(monitor, START + second, 0.0)
    for second in range(30, 60):
        scored(monitor, START + second, 99.0)
    during = "sudden_drop" in told(notifier), monitor.efficiency("a").sudden_drop
    for second in range(60, 90):
        scored(monitor, START + second, 0.0)

    assert (during, monitor.efficiency("a").sudden_drop) == ((True, True), False)


def test_an_overloaded_agent_is_three_times_the_median() -> None:
    monitor, _ = watching()
    at = START
    for round_ in range(40):
        at = START + round_
        for agent in "bcd":
            monitor.track(agent, "own", agent, at)
        for part in range(4):
            monitor.track("a", "own", "a", at + 0.25 * part)

    assert monitor.overall().overloaded == ("a",)


def test_recommendations_carry_argument_lists() -> None:
    monitor, _ = watching()
    for second in range(10):
        for agent in "ab":
            monitor.track(
                agent,
                "look",
                "k",
                START + second + (agent == "b") * 0.5,
                action="read",
                waited_s=9.0,
                has_pre_event=False,
            )

    advice = monitor.report("b").recommendations

    assert [each.type for each in advice] == [
        "efficiency_improvement",
        "coordination_repair",
        "hook_compliance",
    ]
    assert all(each.notification[:2] == ("notify", "--message") for each in advice)


def test_trend_is_the_slope_of_the_latest_scores() -> None:
    monitor, _ = watching()
    for second in range(40):
        scored(monitor, START + second, second / 10)

    trend = monitor.efficiency("a").trend

    assert trend is not None
    assert trend < 0


def test_a_bottleneck_is_a_factor_under_its_floor() -> None:
    monitor, _ = watching()
    for second in range(5):
        scored(monitor, START + second, 2.0)

    assert monitor.efficiency("a").bottlenecks == ("coordination_latency",)


def test_a_time_without_a_zone_is_refused() -> None:
    monitor, _ = watching()

    with pytest.raises(UsageError, match="aware"):
        monitor.track("a", "x", None, dt.datetime(2026, 1, 5))  # noqa: DTZ001 - that is what is refused


@pytest.mark.parametrize("at", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("known", ["a", "b"])
def test_what_is_not_finite_is_no_time(at: float, known: str) -> None:
    monitor, _ = watching()
    with pytest.raises(UsageError, match="finite"):
        monitor.track(known, "x", None, at)
    monitor.track("a", "x", None, START)

    with pytest.raises(UsageError, match="finite"):
        monitor.track(known, "x", None, at)
    assert monitor.latest_s == START


def test_a_late_event_counts_as_of_now() -> None:
    monitor, _ = watching()
    monitor.track("a", "x", None, START)

    monitor.track("b", "x", None, START - 5)

    assert (monitor.overall().late, monitor.overall().operations) == (1, 2)


def test_a_clock_that_was_set_back_starts_the_monitor_anew() -> None:
    monitor, _ = watching()
    monitor.track("a", "x", None, START + 1e6)
    for number in range(12):
        monitor.track("b", "x", None, START + number)

    assert (monitor.agents, monitor.overall().operations) == (("b",), 3)


def test_agents_and_keys_are_forgotten() -> None:
    monitor, _ = watching()
    for number in range(20_000):
        monitor.track(f"a{number}", "x", f"k{number}", START + 10.0 * number)

    assert len(monitor.agents) <= 361
    assert monitor.keys_remembered <= 62


def test_keys_are_bounded_whatever_the_rate() -> None:
    monitor, _ = watching(most_keys=100)
    for number in range(5000):
        monitor.track("a", "x", f"k{number}", START + number / 1000)

    assert monitor.keys_remembered <= 200


def test_a_key_that_everybody_reads_stays_small() -> None:
    monitor, _ = watching()
    for number in range(20_000):
        monitor.track(f"a{number}", "look", "k", START + number, action="read")

    key = monitor._keys.get("k")
    assert key is not None
    assert len((key.done or {})["look"]) <= 1200


@pytest.mark.parametrize(
    "bad", [{"window": 1}, {"trend_scores": 1}, {"horizon_s": 0}, {"forget_s": 1}]
)
def test_settings_that_cannot_work_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="`"):
        MonitorSettings(**bad)


def test_sums_do_not_drift() -> None:
    monitor, _ = watching()
    rng = random.Random(3)
    for number in range(20_000):
        scored(monitor, START + number, rng.random(), rng.choice("abcdefgh"))

    scores = [monitor.efficiency(name).score for name in monitor.agents]
    mean = sum(score for score in scores if score is not None) / len(scores)
    assert monitor.overall().score == pytest.approx(mean, abs=1e-11)


def test_work_among_several_counts_while_one_of_them_still_has_it() -> None:
    monitor, _ = watching()
    for number, agent in enumerate("ca"):
        monitor.track(agent, "look", "k", START + number, action="read")
    for number in range(10):  # the latest to look has done ten other things since
        monitor.track("a", "other", f"x{number}", START + 2 + number)
    before = monitor.counts().duplicates

    monitor.track("b", "look", "k", START + 20, action="read")

    assert monitor.counts().duplicates == before + 1


def test_work_that_left_everybodys_window_is_forgotten() -> None:
    monitor, _ = watching()
    for number, agent in enumerate("ca"):
        monitor.track(agent, "look", "k", START + number, action="read")
    for number in range(10):
        for agent in "ca":
            monitor.track(agent, "other", f"{agent}{number}", START + 2 + number)
    before = monitor.counts().duplicates

    monitor.track("b", "look", "k", START + 20, action="read")
    monitor.advance(START + 21)

    assert monitor.counts().duplicates == before
    key = monitor._keys.get("k")
    assert key is not None
    assert [agent.name for agent in (key.done or {})["look"]] == ["b"]


def test_one_agents_operations_on_a_key_stay_few() -> None:
    monitor, _ = watching()
    for number in range(5000):
        monitor.track("a", f"operation {number}", "k", START + number)

    key = monitor._keys.get("k")
    assert key is not None
    assert len(key.alone) <= 1200


def test_a_wait_that_is_not_a_number_is_not_known() -> None:
    monitor, _ = watching()
    for number in range(20):
        monitor.track("a", "x", None, START + number, waited_s=float("nan"))

    assert factors(monitor).coordination_latency is None


def test_time_does_not_advance_to_its_end() -> None:
    monitor, _ = watching()

    with pytest.raises(UsageError, match="finite"):
        monitor.advance(float("inf"))


def test_a_replay_counts_what_it_tracked() -> None:
    monitor, _ = watching()
    events = [
        CoordinationEvent(
            record_id=f"r{number}",
            at=dt.datetime(2026, 1, 5, 0, 0, number, tzinfo=dt.UTC),
            source="test",
            provenance=Provenance.MEASURED,
            agent_id="a",
            operation="look",
            action="read",
            outcome=Outcome.SUCCEEDED,
        )
        for number in range(3)
    ]

    assert monitor.replay(events) == monitor.agent_counts("a").operations == 3
    assert monitor.agent_counts("nobody").operations == 0


def test_silence_has_a_floor_of_a_minute_and_counts_from_the_end() -> None:
    monitor, notifier = watching(silence_floor_s=60.0)
    for second in range(30):
        monitor.track("a", "own", "a", START + second)
    monitor.advance(START + 29 + 179)
    before = told(notifier)
    monitor.advance(START + 29 + 181)

    assert (before, told(notifier)) == ([], ["agent_silent"])


def test_an_operation_that_has_ended_leaves_nothing_to_be_silent_in() -> None:
    monitor, notifier = watching()
    for second in range(30):
        monitor.track("a", "own", "a", START + second, duration_s=0.5)

    monitor.advance(START + 3000)

    assert told(notifier) == []


def turn(at_s: float, calls: int, **given: Any) -> Turn:
    return Turn(
        record_id=f"t{at_s}",
        at=dt.datetime.fromtimestamp(at_s, dt.UTC),
        source="test",
        provenance=Provenance.MEASURED,
        **{"agent_id": "a", "calls": calls, **given},
    )


def event(at_s: float, agent: str, **given: Any) -> CoordinationEvent:
    """One operation of an agent of session `s`, as a transcript records it."""
    known: dict[str, Any] = {
        "operation": "Read",
        "action": "read",
        "outcome": Outcome.SUCCEEDED,
        "duration_s": 0.2,
        "session_id": "s",
        **given,
    }
    return CoordinationEvent(
        record_id=f"{agent}{at_s}",
        at=dt.datetime.fromtimestamp(at_s, dt.UTC),
        source="test",
        provenance=Provenance.MEASURED,
        agent_id=agent,
        **known,
    )


START_OF_CHILD = {"operation": "Task", "action": "spawn"}
ENDED, LASTS = {"duration_s": 60.0}, {"duration_s": None, "outcome": Outcome.UNKNOWN}
BACKGROUND = {"duration_s": None}


@pytest.mark.parametrize(
    ("call", "raised"),
    [(ENDED, []), (LASTS, ["agent_silent"]), (BACKGROUND, [])],
    ids=["ended", "not ended", "in the background"],
)
def test_a_child_has_work_in_hand_while_the_call_that_started_it_lasts(
    call: dict[str, Any], raised: list[str]
) -> None:
    monitor, notifier = watching()
    monitor.observe(event(START, "main", **START_OF_CHILD, **call))
    for second in range(10):
        monitor.observe(event(START + 5 + second, "child"))
    monitor.observe_turn(turn(START + 20, 1, agent_id="child", session_id="s"))

    monitor.advance(START + 3000)

    assert told(notifier) == raised


def test_a_lead_whose_hooks_are_not_seen_may_wait_for_a_permission() -> None:
    monitor, notifier = watching()
    for second in range(30):
        monitor.observe(event(START + second, "main"))
    monitor.observe_turn(turn(START + 40, 1, agent_id="main", session_id="s"))

    monitor.advance(START + 3000)

    assert told(notifier) == []


@pytest.mark.parametrize("replies", [False, True], ids=["pause", "other work"])
def test_a_pause_with_nothing_in_hand_is_no_sudden_drop(replies: bool) -> None:
    monitor, notifier = watching()
    at_s = START
    for _ in range(30):
        at_s += 2.0
        monitor.observe(event(at_s, "main", memory_key="k", waited_s=0.0))
    for _ in range(20):  # a person reads for ten minutes, or it runs commands
        for _ in range(20 * replies):
            at_s += 30.0
            monitor.observe_turn(turn(at_s, 1, agent_id="main", session_id="s"))
        at_s += 2.0 if replies else 600.0
        monitor.observe(event(at_s, "main", memory_key="k", waited_s=0.0))

    assert "sudden_drop" not in told(notifier)


def test_a_few_repeats_are_no_rate() -> None:
    monitor, notifier = watching(rate_evidence=2.575829)
    for place, agent in enumerate("abab"):
        monitor.track(agent, "look", f"k{place // 2}", START + place, action="read")

    assert (monitor.counts().duplicates, told(notifier)) == (2, [])


@pytest.mark.parametrize(("calls", "raised"), [(0, []), (2, ["agent_silent"])])
def test_a_reply_without_calls_waits_for_a_person(
    calls: int, raised: list[str]
) -> None:
    monitor, notifier = watching()
    for second in range(30):
        monitor.track(
            "a", "own", "a", START + second, duration_s=0.5, has_post_event=True
        )
    monitor.observe_turn(turn(START + 40, calls))

    monitor.advance(START + 3000)

    assert told(notifier) == raised


def test_a_write_that_goes_on_from_the_newest_version_is_no_duplicate() -> None:
    monitor, _ = watching()
    for place, agent in enumerate("abab"):
        monitor.track(
            agent,
            "put",
            "k",
            START + place,
            action="write",
            version_seen=place,
            version=place + 1,
        )

    assert monitor.counts().duplicates == 0


def test_a_band_must_be_lost_for_as_long_as_the_settings_say() -> None:
    monitor, notifier = watching(drop_lasts=5, drop_threshold=99.0)
    for second in range(20):
        scored(monitor, START + second, 0.0)
    scored(monitor, START + 20, 60.0)
    scored(monitor, START + 21, 0.0)

    assert told(notifier) == []


@pytest.mark.parametrize("operations", [("build", "look"), ("look", "build")])
def test_silence_after_one_instants_operations_does_not_depend_on_their_order(
    operations: tuple[str, str],
) -> None:
    monitor, notifier = watching(silence_floor_s=60.0, silence_unknown_s=600.0)
    for second in range(30):  # gaps after a look are known, after a build they are not
        monitor.track("a", "look", "a", START + second)
    for operation in operations:
        monitor.track("a", operation, "a", START + 30)

    monitor.advance(START + 30 + 181)

    assert told(notifier) == ["agent_silent"]


def test_only_events_in_a_row_say_that_the_clock_was_set_back() -> None:
    monitor, _ = watching()
    for number in range(20):
        monitor.track("a", "x", None, START + 1e6 + number)
        monitor.track("b", "x", None, START + number)

    assert (monitor.agents, monitor.overall().late) == (("a",), 20)


def test_sessions_are_forgotten_with_their_last_agent() -> None:
    monitor, _ = watching()
    for number in range(50):
        given = {"session_id": f"s{number}", **START_OF_CHILD, **ENDED}
        monitor.observe(event(START + 200.0 * number, "main", **given))

    monitor.advance(START + 200.0 * 49 + 3700.0)

    assert monitor.agents == ()
    assert (monitor._families._members, monitor._families._calls) == ({}, {})
