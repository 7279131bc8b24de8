import pytest

from tests.runtime.coordination.agents import agent
from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.instants import FOREVER
from toolkit.runtime.coordination.schedule import Schedule
from toolkit.runtime.coordination.settings import MonitorSettings
from toolkit.runtime.coordination.swarm_window import SwarmWindow

WINDOW = MonitorSettings().window
HORIZON = 60e6


@pytest.fixture
def swarm() -> SwarmWindow:
    return SwarmWindow(window=WINDOW, horizon=HORIZON, decay=0.5, schedule=Schedule())


def worked(
    swarm: SwarmWindow, name: str, times: int, *, gap: float = 1e6, start: float = 0.0
) -> AgentRecord:
    """Let a new agent do so many operations, one each gap."""
    me = agent(name, at=start)
    swarm.enter(me, start)
    for number in range(times):
        swarm.add(me, 1, None, start + number * gap)
    return me


def test_an_agents_window_holds_its_latest_operations_and_no_more(
    swarm: SwarmWindow,
) -> None:
    worked(swarm, "a", WINDOW + 3)
    worked(swarm, "b", 2)

    assert (swarm.packed, swarm.live) == (WINDOW + 2, 2)


def test_operations_older_than_the_horizon_leave_the_swarm_and_new_ones_return(
    swarm: SwarmWindow,
) -> None:
    me = worked(swarm, "a", 3)
    assert swarm.ages_at(me) == HORIZON
    swarm.age(me, HORIZON + 1)
    assert (swarm.packed, swarm.live) == (2, 1)

    swarm.age(me, 3 * HORIZON)
    assert (swarm.packed, swarm.live) == (0, 0)
    assert swarm.ages_at(me) == FOREVER

    swarm.add(me, 1, None, 3 * HORIZON)
    assert (swarm.packed, swarm.live) == (1, 1)


def test_the_mean_score_weighs_agents_by_their_operations(swarm: SwarmWindow) -> None:
    assert swarm.mean_score() is None
    swarm.weigh(worked(swarm, "a", 1), 0.0)
    swarm.weigh(worked(swarm, "b", 3), 0.8)

    assert swarm.mean_score() == pytest.approx(0.6)
    assert swarm.scored == 2


def test_a_score_that_is_withdrawn_or_aged_no_longer_counts(swarm: SwarmWindow) -> None:
    old, new = worked(swarm, "a", 2), worked(swarm, "b", 2, start=HORIZON)
    swarm.weigh(old, 0.2)
    swarm.weigh(new, 0.9)
    swarm.age(old, HORIZON + 2e6)
    assert swarm.mean_score() == pytest.approx(0.9)

    swarm.weigh(new, None)
    assert (swarm.mean_score(), swarm.scored) == (None, 0)


def test_who_is_much_faster_than_the_median_agent_is_overloaded(
    swarm: SwarmWindow,
) -> None:
    assert swarm.overloaded(2.0) == ()
    for name, gap in {"slow": 2e6, "usual": 1e6, "other": 1e6, "fast": 0.4e6}.items():
        worked(swarm, name, 5, gap=gap)

    assert swarm.overloaded(2.0) == ("fast",)
    assert swarm.overloaded(3.0) == ()


def test_who_has_aged_is_not_ranked(swarm: SwarmWindow) -> None:
    fast = worked(swarm, "fast", 5, gap=0.1e6)
    for name in ("a", "b"):
        worked(swarm, name, 5, start=HORIZON)
    assert swarm.overloaded(2.0) == ("fast",)
    swarm.age(fast, 2 * HORIZON)

    assert swarm.overloaded(2.0) == ()
