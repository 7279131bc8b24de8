from tests.runtime.coordination.agents import agent
from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.instants import FOREVER
from toolkit.runtime.coordination.schedule import SLOT, Schedule


def visited(schedule: Schedule, now: float) -> list[str]:
    """Visit who is due, and plan none of them again."""
    return [me.name for me in schedule.due(now, lambda me: me.due)]


def test_agents_come_in_the_order_of_their_times_and_once() -> None:
    schedule = Schedule()
    for name, due in {
        "late": 9.5 * SLOT,
        "soon": 0.5 * SLOT,
        "next": 1.5 * SLOT,
    }.items():
        schedule.plan(agent(name), due)

    assert schedule.next_due <= 0.5 * SLOT
    assert visited(schedule, 2 * SLOT) == ["soon", "next"]
    assert visited(schedule, 2 * SLOT) == []
    assert visited(schedule, 10 * SLOT) == ["late"]
    assert schedule.next_due == FOREVER


def test_an_agent_has_one_visit_which_a_later_plan_replaces() -> None:
    schedule = Schedule()
    me = agent("a")
    schedule.plan(me, 1.5 * SLOT)
    schedule.plan(me, 3.5 * SLOT)

    assert visited(schedule, 2 * SLOT) == []
    assert visited(schedule, 4 * SLOT) == ["a"]


def test_who_was_cancelled_is_not_visited() -> None:
    schedule = Schedule()
    me, other = agent("a"), agent("b")
    for each in (me, other):
        schedule.plan(each, 0.5 * SLOT)
    schedule.cancel(me)

    assert visited(schedule, SLOT) == ["b"]


def test_as_a_slot_begins_an_agent_that_did_something_is_put_off() -> None:
    schedule = Schedule()
    me = agent("a")
    schedule.plan(me, 0.5 * SLOT)
    asked: list[AgentRecord] = []

    def coming(who: AgentRecord) -> float:
        asked.append(who)
        return 2.5 * SLOT

    assert list(schedule.due(SLOT, coming)) == []
    assert asked == [me]
    assert visited(schedule, 3 * SLOT) == ["a"]


def test_a_visit_planned_for_the_past_is_due_at_once() -> None:
    schedule = Schedule()
    assert visited(schedule, 5 * SLOT) == []
    schedule.plan(agent("a"), 2 * SLOT)

    assert schedule.next_due == 2 * SLOT
    assert visited(schedule, 5 * SLOT + 1) == ["a"]
