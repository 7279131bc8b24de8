"""What holds for any stream of events that the schema admits."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.thorough import sampled
from toolkit.notifier import MemoryNotifier, SilentNotifier
from toolkit.records import CoordinationEvent, Outcome, Provenance
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.coordination.report import CoordinationReport
from toolkit.runtime.coordination.trend import trend_of
from toolkit.stats import theil_sen_slope

pytestmark = pytest.mark.slow

EXAMPLES = settings(
    max_examples=sampled(20, whole=60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
FEWER_EXAMPLES = settings(EXAMPLES, max_examples=sampled(15, whole=40))

names = st.text("abc/ é", max_size=3)
any_event = st.builds(
    CoordinationEvent,
    record_id=names,
    at=st.datetimes(timezones=st.just(dt.UTC)),
    source=names,
    provenance=st.sampled_from(Provenance),
    agent_id=names,
    operation=names,
    action=names | st.sampled_from(["read", "write"]),
    session_id=st.none() | names,
    memory_key=st.none() | names,
    duration_s=st.none() | st.floats(0, 1e9),
    waited_s=st.none() | st.floats(0, 1e15) | st.integers(0, 10**15),
    outcome=st.sampled_from(Outcome),
    version_seen=st.none() | st.integers(0, 10**9),
    version=st.none() | st.integers(0, 10**9),
    has_pre_event=st.none() | st.booleans(),
    has_post_event=st.none() | st.booleans(),
    batch_id=st.none() | names,
)


def busy_event(at_s: float) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "agent": st.sampled_from("abc"),
            "operation": st.sampled_from(["look", "edit"]),
            "memory_key": st.sampled_from(["k", "l", None]),
            "at": st.just(at_s),
            "action": st.sampled_from(["read", "write", "message"]),
            "waited_s": st.sampled_from([None, 0.0, 0.5, 4.0]),
            "version_seen": st.sampled_from([None, 1, 2]),
            "version": st.sampled_from([None, 2, 3]),
            "has_pre_event": st.sampled_from([None, True, False]),
            "has_post_event": st.sampled_from([None, True]),
        }
    )


@st.composite
def instants(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    at_s = 1_700_000_000.0
    stream = []
    for _ in range(draw(st.integers(1, 12))):
        at_s += draw(st.sampled_from([0.001, 1.0, 40.0, 290.0, 301.0, 3700.0]))
        stream.append(draw(st.lists(busy_event(at_s), min_size=1, max_size=8)))
    return stream


def reports(
    stream: list[list[dict[str, Any]]],
) -> tuple[list[CoordinationReport], set[tuple[Any, ...]]]:
    monitor = CoordinationMonitor(notifier=SilentNotifier())
    for instant in stream:
        for event in instant:
            monitor.track(**event)
    lasting = {(a.kind, a.agent, a.band) for a in monitor.alerts}
    return [monitor.report(agent) for agent in "abc"], lasting


def comparable(report: CoordinationReport) -> tuple[Any, ...]:
    overall = report.overall_coordination
    return (
        report.agent_efficiency,
        report.recommendations,
        overall.score,
        overall.operations,
        overall.duplicate_work_rate,
        overall.conflicting_write_rate,
        overall.stale_read_rate,
        overall.live_agents,
        overall.scored_agents,
        set(overall.idle),
        set(overall.overloaded),
    )


@EXAMPLES
@given(instants(), st.randoms(use_true_random=False))
def test_the_order_of_one_instant_is_irrelevant(
    stream: list[list[dict[str, Any]]], rng: Any
) -> None:
    shuffled = [rng.sample(instant, len(instant)) for instant in stream]

    (ordered, alerts), (other, other_alerts) = reports(stream), reports(shuffled)

    assert list(map(comparable, ordered)) == list(map(comparable, other))
    assert alerts == other_alerts


@FEWER_EXAMPLES
@given(st.lists(any_event, max_size=40))
def test_no_event_that_the_schema_admits_raises(
    events: list[CoordinationEvent],
) -> None:
    monitor = CoordinationMonitor(notifier=MemoryNotifier())

    for event in events:
        trend = monitor.observe(event).report().agent_efficiency.trend
        assert trend is None or -1.0 <= trend <= 1.0

    assert monitor.overall().late <= len(events)


@FEWER_EXAMPLES
@given(instants())
def test_every_score_and_rate_is_0_to_1_or_absent(
    stream: list[list[dict[str, Any]]],
) -> None:
    monitor = CoordinationMonitor(notifier=SilentNotifier())

    seen: list[float | None] = []
    for event in (event for instant in stream for event in instant):
        report = monitor.track(**event).report()
        agent, overall = report.agent_efficiency, report.overall_coordination
        seen += [agent.score, *agent.factors.values, *agent.scores, overall.score]
        seen += [overall.duplicate_work_rate, overall.conflicting_write_rate]

    assert all(value is None or 0.0 <= value <= 1.0 for value in seen)


@EXAMPLES
@given(instants())
def test_reading_changes_nothing(stream: list[list[dict[str, Any]]]) -> None:
    watched = CoordinationMonitor(notifier=SilentNotifier())
    for event in (event for instant in stream for event in instant):
        watched.track(**event).report()

    alone, _ = reports(stream)

    assert [watched.report(agent) for agent in "abc"] == alone


@EXAMPLES
@given(instants())
def test_the_swarm_is_the_sum_of_its_agents(
    stream: list[list[dict[str, Any]]],
) -> None:
    monitor = CoordinationMonitor(notifier=SilentNotifier())
    for event in (event for instant in stream for event in instant):
        monitor.track(**event)
    last_s = monitor.latest_s
    assert last_s is not None

    expected = 0
    for agent in monitor.agents:
        state = monitor._agents[agent]
        horizon = (last_s - 300.0) * 1e6
        expected += sum(at >= horizon for at in state.times)

    assert monitor.overall().operations == expected


def test_an_agent_that_came_back_ages_out_again() -> None:
    monitor = CoordinationMonitor(notifier=SilentNotifier())
    for agent, at_s in [("c", 0.0), ("a", 330.0), ("c", 330.0), ("a", 631.0)]:
        monitor.track(agent, "look", "k", 1_700_000_000.0 + at_s, action="read")

    assert monitor.overall().operations == 1


@given(st.lists(st.floats(0, 1), min_size=2, max_size=80))
def test_the_trend_is_the_slope_of_the_statistics_room(scores: list[float]) -> None:
    assert trend_of(scores) == pytest.approx(theil_sen_slope(scores), abs=1e-15)
