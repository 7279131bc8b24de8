import dataclasses
import itertools
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.runtime.healing.swarms import (
    START,
    HandmadeSwarm,
    ScriptedEffector,
    Ward,
)
from toolkit.clock import VirtualClock
from toolkit.notifier import Level
from toolkit.records import Recovery, Spool
from toolkit.runtime.healing import (
    Activity,
    ActivityKind,
    AgentResponsiveness,
    CheckPlan,
    CoordinationEfficiency,
    HealingPlan,
    HealingSession,
    IssueKind,
    Journal,
    RestartLimits,
    SilenceThresholds,
    ValueCheck,
)
from toolkit.runtime.healing.effectors import Action, Effect, EffectOutcome
from toolkit.runtime.healing.issues import LadderStep
from toolkit.runtime.healing.prevention import PreventionPlan
from toolkit.runtime.healing.session import Phase
from toolkit.runtime.sinks import SpoolSink

REPLACED = "spawn_replacement"


def cured_by(ward_box: list[Ward], verb: str) -> Any:
    """Script: one verb makes every agent speak again."""

    def script(action: Action) -> EffectOutcome | None:
        if action.verb == verb:
            ward_box[0].swarm.silent_since.clear()
            ward_box[0].swarm.gone.clear()
        return None

    return script


def ward_cured_by(folder: Path, verb: str, **options: Any) -> Ward:
    box: list[Ward] = []
    box.append(Ward(folder, cured_by(box, verb), **options))
    return box[0]


def test_a_healthy_swarm_is_left_alone_for_a_whole_day(tmp_path: Path) -> None:
    ward = Ward(tmp_path)

    anyio.run(ward.live, 86_400.0, 30.0)

    assert ward.engine.statistics().opened == 0


def test_run_waits_on_the_clock_it_was_given(tmp_path: Path) -> None:
    ward = Ward(tmp_path)

    async def day() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ward.engine.run)
            await ward.clock.advance(3600.0)
            group.cancel_scope.cancel()

    anyio.run(day)

    # Every 30 s, and the odd multiples of 45 s, from second 0 to second 3600.
    assert ward.swarm.looks == 121 + 40


def test_a_silent_agent_climbs_the_ladder_until_a_post_condition_holds(
    tmp_path: Path,
) -> None:
    ward = ward_cured_by(tmp_path, REPLACED)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 600.0)

    assert ward.effector.verbs == [
        "coordination_reminder",
        "reassign_task",
        "spawn_replacement",
    ]


def test_success_is_told_only_after_the_post_condition_was_measured(
    tmp_path: Path,
) -> None:
    ward = ward_cured_by(tmp_path, REPLACED)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 600.0)

    assert ward.outcomes == ["started", "escalated", "escalated", "success"]


def test_an_action_that_acted_is_not_done_again_when_it_did_not_help(
    tmp_path: Path,
) -> None:
    ward = Ward(tmp_path)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 3600.0)

    assert len(ward.effector.verbs) == len(set(ward.effector.verbs))


def test_after_the_last_rung_a_person_gets_everything_that_was_tried(
    tmp_path: Path,
) -> None:
    ward = Ward(tmp_path)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 3600.0)

    last = ward.told.kept[-1]
    assert last.metadata["detail"] == "to a person"
    assert len(last.metadata["tried"]) == 4


def test_what_a_person_has_is_not_healed_again_before_it_was_well(
    tmp_path: Path,
) -> None:
    ward = Ward(tmp_path)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 7200.0)

    assert ward.engine.statistics().opened == 1


def test_what_was_handed_over_and_got_well_is_healed_when_it_falls_ill_again(
    tmp_path: Path,
) -> None:
    ward = Ward(tmp_path)
    ward.swarm.silent_since["a1"] = 0.0

    async def story() -> None:
        await ward.live(1200.0)
        ward.swarm.silent_since.clear()
        await ward.live(3900.0)
        ward.swarm.silent_since["a1"] = ward.clock.monotonic_s()
        await ward.live(300.0)

    anyio.run(story)

    assert ward.engine.statistics().opened == 2


@pytest.mark.parametrize(
    ("silence_s", "first"),
    [
        (150.0, "coordination_reminder"),
        (330.0, "reassign_task"),
        (660.0, "spawn_replacement"),
    ],
)
def test_the_length_of_the_silence_chooses_the_first_strategy(
    tmp_path: Path, silence_s: float, first: str
) -> None:
    ward = Ward(tmp_path)

    async def story() -> None:
        ward.clock.move(silence_s)
        ward.swarm.silent_since["a1"] = 0.0
        await ward.engine.turn()

    anyio.run(story)

    assert ward.effector.verbs[0] == first


def test_a_failed_action_is_tried_three_times_with_growing_waits(
    tmp_path: Path,
) -> None:
    at_s: list[float] = []

    def script(action: Action) -> EffectOutcome | None:
        if action.verb == "coordination_reminder":
            at_s.append(ward.clock.monotonic_s())
            return EffectOutcome.FAILED
        return None

    ward = Ward(tmp_path, script)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 600.0, 1.0)

    waits = [b - a for a, b in itertools.pairwise(at_s)]
    assert len(at_s) == 3
    assert 8 <= waits[0] <= 13
    assert 16 <= waits[1] <= 25


def test_no_agent_sees_more_than_three_failed_attempts_in_a_minute(
    tmp_path: Path,
) -> None:
    at_s: list[float] = []

    def script(action: Action) -> EffectOutcome:
        at_s.append(ward.clock.monotonic_s())
        return EffectOutcome.FAILED

    ward = Ward(tmp_path, script, plan=HealingPlan(attempts_per_rung=9))
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 900.0, 1.0)

    assert len(at_s) > 6
    assert all(
        later - first >= 60 for first, later in zip(at_s, at_s[3:], strict=False)
    )


def test_a_rung_that_keeps_failing_is_left_alone_for_other_agents_too(
    tmp_path: Path,
) -> None:
    def script(action: Action) -> EffectOutcome | None:
        failing = action.verb == "coordination_reminder"
        return EffectOutcome.FAILED if failing else None

    clock = VirtualClock(START)
    swarm = HandmadeSwarm(clock, ("a1", "a2", "a3"))
    ward = Ward(tmp_path, script, clock=clock, swarm=swarm)
    for slot in swarm.slots:
        swarm.silent_since[slot] = 0.0

    anyio.run(ward.live, 600.0, 5.0)

    assert ward.effector.verbs.count("coordination_reminder") < 9


def test_detections_of_one_cause_are_one_session(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 240.0)

    statistics = ward.engine.statistics()
    assert (statistics.opened, statistics.merged > 0) == (1, True)


def test_two_healers_never_heal_the_same_cause(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    swarm = HandmadeSwarm(clock)
    effector = ScriptedEffector(lambda _: None)
    wards = [
        Ward(tmp_path, clock=clock, swarm=swarm, effector=effector, owner=name)
        for name in ("one", "other")
    ]
    swarm.silent_since["a1"] = 0.0

    async def story() -> None:
        for _ in range(60):
            clock.move(15.0)
            for ward in wards:
                await ward.engine.turn()

    anyio.run(story)

    assert len(effector.verbs) == len(set(effector.verbs)) == 4
    assert wards[1].engine.statistics().deferred > 0


def test_a_session_of_a_healer_that_fell_silent_is_taken_over(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    swarm = HandmadeSwarm(clock)
    effector = ScriptedEffector(lambda _: None)
    first = Ward(tmp_path, clock=clock, swarm=swarm, effector=effector, owner="one")
    second = Ward(tmp_path, clock=clock, swarm=swarm, effector=effector, owner="two")
    swarm.silent_since["a1"] = 0.0

    async def story() -> None:
        await first.live(180.0)
        await second.live(900.0)

    anyio.run(story)

    assert second.engine.statistics().handed_over == 1
    assert second.engine.statistics().opened == 0


def test_a_relapse_goes_on_behind_the_rung_that_helped_for_a_moment(
    tmp_path: Path,
) -> None:
    ward = ward_cured_by(tmp_path, "coordination_reminder")
    ward.swarm.silent_since["a1"] = 0.0

    async def story() -> None:
        await ward.live(165.0)
        ward.swarm.silent_since["a1"] = ward.clock.monotonic_s() - 150.0
        await ward.live(30.0)

    anyio.run(story)

    assert ward.effector.verbs[:2] == ["coordination_reminder", "reassign_task"]


def test_every_attempt_is_a_record_with_its_post_condition(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    ward = ward_cured_by(tmp_path, REPLACED, records=SpoolSink(spool))
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 600.0)

    rows = [Recovery.from_json(line.row) for line in spool.lines() if line.row]
    fullest = {row.record_id: row for row in rows}
    assert [row.post_condition for row in fullest.values()] == [False, False, True]


def test_history_in_memory_is_bounded(tmp_path: Path) -> None:
    ward = Ward(tmp_path, plan=HealingPlan(history=3))

    async def story() -> None:
        for n in range(6):
            ward.swarm.harmed = {f"k{1 + n % 2}"}
            await ward.live(60.0)
            ward.swarm.harmed = set()
            await ward.live(120.0)

    anyio.run(story)

    assert len(ward.engine.history) == 3


class Killed(BaseException):
    """Stands for `kill -9`: no handler of the engine may catch it."""


class DyingJournal(Journal):
    """Dies before or after its n-th write, once."""

    def __init__(self, path: Path, *, deaths: list[int]) -> None:
        super().__init__(path, owner="one")
        self.deaths = deaths

    def _step(self) -> None:
        self.deaths[0] -= 1
        if self.deaths[0] == 0:
            raise Killed

    def save(self, session: HealingSession) -> None:
        self._step()
        super().save(session)
        self._step()

    def intend(self, key: str, *, now_s: float) -> bool:
        self._step()
        fresh = super().intend(key, now_s=now_s)
        self._step()
        return fresh

    def took_effect(self, key: str, effect: Effect, *, now_s: float) -> None:
        self._step()
        super().took_effect(key, effect, now_s=now_s)
        self._step()


@pytest.mark.parametrize("death", range(1, 31))
def test_an_engine_killed_at_any_write_resumes_and_repeats_no_effect(
    tmp_path: Path, death: int
) -> None:
    clock = VirtualClock(START)
    swarm = HandmadeSwarm(clock)
    swarm.silent_since["a1"] = 0.0

    def script(action: Action) -> EffectOutcome | None:
        if action.verb == REPLACED:
            swarm.silent_since.clear()
        return None

    effector = ScriptedEffector(script)
    deaths = [death]

    def ward() -> Ward:
        journal = DyingJournal(tmp_path / "healing.sqlite", deaths=deaths)
        return Ward(
            tmp_path, clock=clock, swarm=swarm, effector=effector, journal=journal
        )

    async def story() -> None:
        patient = ward()
        for _ in range(60):
            clock.move(15.0)
            try:
                await patient.engine.turn()
            except* Killed:
                patient.journal.close()
                patient = ward()

    anyio.run(story)

    assert effector.verbs == ["coordination_reminder", "reassign_task", REPLACED]
    with closing(Journal(tmp_path / "healing.sqlite", owner="reader")) as journal:
        sessions = journal.sessions()
    assert [session.phase for session in sessions] == [Phase.SUCCESS]


class BrokenSwarm(HandmadeSwarm):
    """Cannot be looked at for a while."""

    broken = True

    def snapshot(self, since_s: float) -> Any:
        if self.broken:
            raise sqlite3.OperationalError("disk I/O error")
        return super().snapshot(since_s)


def test_a_view_that_breaks_is_told_and_healing_goes_on_when_it_is_back(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(START)
    swarm = BrokenSwarm(clock)
    ward = Ward(tmp_path, clock=clock, swarm=swarm)
    swarm.silent_since["a1"] = 0.0

    async def story() -> None:
        await ward.live(300.0)
        swarm.broken = False
        await ward.live(300.0)

    anyio.run(story)

    assert ward.engine.statistics().errors > 0
    assert ward.effector.verbs != []


def test_a_check_that_breaks_is_unknown_and_the_others_go_on(tmp_path: Path) -> None:
    ward = Ward(tmp_path)

    class BrokenCheck:
        plan = ward.engine.checks[0].plan

        def measure(self, snapshot: Any) -> Any:
            raise ZeroDivisionError

        def recovered(self, finding: Any, snapshot: Any, acted_s: float) -> Any:
            raise ZeroDivisionError

    ward.engine.checks = (BrokenCheck(), *ward.engine.checks[1:])
    ward.swarm.harmed = {"k1"}

    anyio.run(ward.live, 120.0)

    assert ward.effector.verbs[0] == "repair_keys"


def test_an_effector_that_raises_is_a_failed_action_not_the_end(
    tmp_path: Path,
) -> None:
    def script(action: Action) -> EffectOutcome | None:
        raise RuntimeError("effector is broken")

    ward = Ward(tmp_path, script)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 300.0)

    assert "failed" in ward.outcomes


def test_an_effector_that_never_answers_is_given_up_in_its_time(
    tmp_path: Path,
) -> None:
    class Stuck(ScriptedEffector):
        async def act(self, action: Action) -> Effect:
            await anyio.sleep_forever()
            raise AssertionError("unreachable")

    ward = Ward(
        tmp_path,
        effector=Stuck(lambda _: None),
        plan=HealingPlan(action_limit_s=0.01),
    )
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 180.0)

    assert "failed" in ward.outcomes


def test_records_that_cannot_be_written_do_not_stop_healing(tmp_path: Path) -> None:
    class FullDisk:
        def emit(self, record: Any) -> None:
            raise OSError(28, os.strerror(28))

    ward = ward_cured_by(tmp_path, REPLACED, records=FullDisk())
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 600.0)

    assert ward.engine.statistics().healed == 1


def test_a_jump_of_the_wall_clock_makes_nobody_look_silent(tmp_path: Path) -> None:
    class JumpingClock(VirtualClock):
        def now(self) -> Any:
            return super().now().replace(year=2027)

    ward = Ward(tmp_path, clock=JumpingClock(START))

    anyio.run(ward.live, 1200.0)

    assert ward.engine.statistics().opened == 0


def test_notifications_have_the_level_that_their_outcome_calls_for(
    tmp_path: Path,
) -> None:
    ward = ward_cured_by(tmp_path, REPLACED)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 600.0)

    levels = {told.metadata["outcome"]: told.level for told in ward.told.kept}
    assert levels == {
        "started": Level.WARNING,
        "escalated": Level.ERROR,
        "success": Level.SUCCESS,
    }


class FillingSwarm(HandmadeSwarm):
    """One agent whose memory fills steadily until it is replaced."""

    filled_from_s = 0.0

    def snapshot(self, since_s: float) -> Any:
        snapshot = super().snapshot(since_s)
        share = (snapshot.at_s - self.filled_from_s) / 600.0
        first = dataclasses.replace(snapshot.agents[0], memory_share=min(1.0, share))
        return dataclasses.replace(snapshot, agents=(first, *snapshot.agents[1:]))


def test_a_check_that_will_fail_is_treated_before_it_does(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    swarm = FillingSwarm(clock)

    def script(action: Action) -> EffectOutcome | None:
        if action.verb == "optimize_performance":
            return EffectOutcome.INAPPLICABLE
        swarm.filled_from_s = clock.monotonic_s()
        return None

    ward = Ward(tmp_path, script, clock=clock, swarm=swarm)

    anyio.run(ward.live, 630.0)

    (treated,) = {action.cause for action in ward.effector.done}
    assert treated == "agent:a1"
    assert ward.engine.results["resource_headroom"].findings == ()
    assert ward.engine.statistics().prevention.prevented == 1


def test_prevention_that_finds_nothing_to_do_goes_no_further(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    ward = Ward(
        tmp_path,
        lambda _: EffectOutcome.INAPPLICABLE,
        clock=clock,
        swarm=FillingSwarm(clock),
    )

    anyio.run(ward.live, 510.0)

    assert "system_restart" not in ward.effector.verbs
    assert ward.engine.statistics().abandoned == 1


def test_what_the_whole_swarm_suffers_is_explained_by_what_is_being_healed(
    tmp_path: Path,
) -> None:
    class Behind(HandmadeSwarm):
        def snapshot(self, since_s: float) -> Any:
            snapshot = super().snapshot(since_s)
            return dataclasses.replace(snapshot, completed=0, planned=50)

    clock = VirtualClock(START)
    swarm = Behind(clock)
    ward = Ward(tmp_path, clock=clock, swarm=swarm)
    swarm.gone = {"a1"}

    anyio.run(ward.live, 240.0)

    assert {action.cause for action in ward.effector.done} == {"agent:a1"}


def test_another_organ_goes_on_while_an_action_of_healing_is_stuck(
    tmp_path: Path,
) -> None:
    class Stuck(ScriptedEffector):
        async def act(self, action: Action) -> Effect:
            await anyio.sleep_forever()
            raise AssertionError("unreachable")

    ward = Ward(tmp_path, effector=Stuck(lambda _: None))
    ward.swarm.silent_since["a1"] = 0.0
    ward.clock.move(150.0)
    events: list[int] = []

    async def organ() -> None:
        for event in range(1000):
            await anyio.lowlevel.checkpoint()
            events.append(event)

    async def both() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(ward.engine.turn)
            await organ()
            group.cancel_scope.cancel()

    anyio.run(both)

    assert len(events) == 1000


def test_a_monitor_that_breaks_costs_its_check_and_nothing_else(tmp_path: Path) -> None:
    def broken() -> float:
        raise ConnectionError("the monitor is gone")

    silences = SilenceThresholds(unknown_s=60.0)
    checks = (AgentResponsiveness(silences), CoordinationEfficiency(score=broken))
    ward = Ward(tmp_path, checks=checks)
    ward.swarm.silent_since["a1"] = 0.0

    anyio.run(ward.live, 240.0)

    assert ward.engine.statistics().errors > 0
    assert ward.effector.verbs[0] == "coordination_reminder"


def test_what_was_learned_survives_the_engine(tmp_path: Path) -> None:
    ward = ward_cured_by(tmp_path, REPLACED)
    ward.swarm.silent_since["a1"] = 0.0
    anyio.run(ward.live, 600.0)

    successor = Ward(tmp_path, clock=ward.clock, swarm=ward.swarm)
    anyio.run(successor.engine.turn)

    assert successor.engine.learnings.counts == ward.engine.learnings.counts
    assert len(successor.engine.history) == 1


def test_a_rung_that_helped_for_a_moment_counts_as_a_failure(tmp_path: Path) -> None:
    ward = ward_cured_by(tmp_path, "coordination_reminder")
    ward.swarm.silent_since["a1"] = 0.0

    async def story() -> None:
        await ward.live(240.0)
        ward.swarm.silent_since["a1"] = ward.clock.monotonic_s() - 150.0
        await ward.live(30.0)

    anyio.run(story)

    statistics = ward.engine.statistics()
    assert (statistics.healed, statistics.relapsed, statistics.opened) == (0, 1, 1)
    counts = ward.engine.learnings.counts
    assert counts["stuck_agent", "coordination_reminder", "short"] == (0, 1)


def test_a_second_death_within_five_minutes_restarts_that_agent_alone(
    tmp_path: Path,
) -> None:
    ward = ward_cured_by(tmp_path, REPLACED)
    ward.swarm.gone = {"a1"}

    async def story() -> None:
        await ward.live(150.0)
        ward.swarm.gone = {"a1"}
        await ward.live(150.0)

    anyio.run(story)

    assert ward.effector.verbs == [REPLACED, REPLACED]
    assert {action.cause for action in ward.effector.done} == {"agent:a1"}


def test_an_agent_that_dies_again_and_again_goes_to_a_person_once(
    tmp_path: Path,
) -> None:
    ward = ward_cured_by(tmp_path, REPLACED)

    async def story() -> None:
        for _ in range(10):
            ward.swarm.gone = {"a1"}
            await ward.live(150.0)

    anyio.run(story)

    calls = [told for told in ward.told.kept if told.metadata.get("detail")]
    assert [told.metadata["detail"] for told in calls] == ["to a person"]
    assert ward.effector.verbs == [REPLACED, REPLACED, "stand_down"]


def test_a_success_before_a_person_was_called_for_its_cause_is_none(
    tmp_path: Path,
) -> None:
    ward = ward_cured_by(tmp_path, REPLACED)

    async def story() -> None:
        for wait_s in (
            450.0,
            150.0,
            150.0,
            150.0,
        ):  # the first cure outlasts the window
            ward.swarm.gone = {"a1"}
            await ward.live(wait_s)

    anyio.run(story)

    phases = [session.phase for session in ward.journal.sessions()]
    assert sorted(phases) == [Phase.HANDED_OVER, Phase.RECURRED]
    assert ward.engine.statistics().healed == 0


def test_a_check_of_ones_own_is_healed_only_when_its_value_is_back(
    tmp_path: Path,
) -> None:
    plan = CheckPlan(
        name="own", interval_s=60.0, threshold=0.5, issue=IssueKind.STUCK_AGENT
    )
    checks = (ValueCheck(plan, lambda snapshot: 0.0, cause="agent:a1"),)
    ward = Ward(tmp_path, checks=checks)

    anyio.run(ward.live, 3600.0)

    statistics = ward.engine.statistics()
    assert (statistics.healed, statistics.handed_over) == (0, 1)


def test_a_post_condition_must_hold_for_an_interval_of_its_check(
    tmp_path: Path,
) -> None:
    ward = Ward(tmp_path)
    ward.swarm.harmed = {"k1"}

    async def story() -> None:
        await ward.live(15.0)
        ward.swarm.harmed = set()
        await ward.live(30.0)
        assert ward.engine.statistics().healed == 0
        await ward.live(45.0)

    anyio.run(story)

    assert ward.engine.statistics().healed == 1


def test_a_task_that_two_agents_died_of_is_set_aside(tmp_path: Path) -> None:
    class Poisoned(HandmadeSwarm):
        """Both agents die in turn, each with one task in hand."""

        def snapshot(self, since_s: float) -> Any:
            seen = super().snapshot(since_s)
            agents = tuple(
                dataclasses.replace(agent, task_id="t7") for agent in seen.agents
            )
            return dataclasses.replace(seen, agents=agents)

    clock = VirtualClock(START)
    swarm = Poisoned(clock, ("a1", "a2", "a3", "a4"))
    ward = Ward(tmp_path, clock=clock, swarm=swarm)

    async def story() -> None:
        for slot in ("a1", "a2"):
            swarm.gone = {slot}
            await ward.live(120.0)

    anyio.run(story)

    assert [a.cause for a in ward.effector.done if a.verb == "set_aside_task"] == [
        "task:t7"
    ]


def test_restarts_of_the_swarm_are_limited(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    swarm = HandmadeSwarm(clock, tuple(f"a{n}" for n in range(6)))
    plan = HealingPlan(restarts=RestartLimits(swarm=3))
    ward = Ward(tmp_path, clock=clock, swarm=swarm, plan=plan)
    swarm.gone = set(swarm.slots)

    anyio.run(ward.live, 600.0)

    assert ward.effector.verbs.count(REPLACED) == 3


def test_prevention_can_be_switched_off(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    plan = HealingPlan(prevention=PreventionPlan(enabled=False))
    ward = Ward(tmp_path, clock=clock, swarm=FillingSwarm(clock), plan=plan)

    anyio.run(ward.live, 480.0)

    assert ward.engine.statistics().prevention.alarms == 0


def test_what_prevention_treats_again_and_again_goes_to_a_person(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(START)
    swarm = FillingSwarm(clock)

    def script(action: Action) -> EffectOutcome | None:
        if action.verb == "optimize_performance":
            return EffectOutcome.INAPPLICABLE
        swarm.filled_from_s = clock.monotonic_s()
        return None

    ward = Ward(tmp_path, script, clock=clock, swarm=swarm)

    anyio.run(ward.live, 3000.0)

    statistics = ward.engine.statistics()
    assert (statistics.healed, statistics.handed_over) == (0, 1)


def test_prevention_looks_ahead_at_an_interval_of_its_own(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    ward = Ward(tmp_path, clock=clock, swarm=FillingSwarm(clock))
    looked: list[float] = []
    forecast = ward.engine.prevention.forecast

    def noted(check: str, at_s: float, threshold: float) -> Any:
        looked.append(at_s)
        return forecast(check, at_s, threshold)

    ward.engine.prevention.forecast = noted  # type: ignore[method-assign]  # a spy
    anyio.run(ward.live, 600.0)

    times = sorted(set(looked))
    assert len(times) >= 5
    assert min(b - a for a, b in itertools.pairwise(times)) >= 60.0


def test_an_issue_of_ones_own_has_its_ladder_and_its_post_condition(
    tmp_path: Path,
) -> None:
    values = {"queue": 0.0}
    plan = CheckPlan(name="queue", interval_s=30.0, threshold=0.5, issue="queue_full")
    check = ValueCheck(plan, lambda snapshot: values["queue"], cause="swarm")
    ladder = (
        LadderStep(name="wait", within_s=60.0),
        LadderStep(name="drain", within_s=60.0),
    )

    def script(action: Action) -> EffectOutcome | None:
        if action.verb == "drain":
            values["queue"] = 1.0
        return None

    ward = Ward(
        tmp_path,
        script,
        checks=(check,),
        plan=HealingPlan(ladders={"queue_full": ladder}),
    )

    anyio.run(ward.live, 600.0)

    assert ward.effector.verbs == ["wait", "drain"]
    assert [s.worked for s in ward.engine.history] == ["drain"]


class Builder(HandmadeSwarm):
    """One agent at builds that say nothing from their start to their end."""

    build_s = 900.0

    def snapshot(self, since_s: float) -> Any:
        seen = super().snapshot(since_s)
        began_s = seen.at_s // self.build_s * self.build_s
        agents = (
            dataclasses.replace(
                seen.agents[0],
                active_s=self.silent_since.get("a1", began_s),
                operation_type="build",
            ),
            *seen.agents[1:],
        )
        ends = [n * self.build_s for n in range(1, int(seen.at_s // self.build_s) + 1)]
        activity = tuple(
            Activity(
                slot="a1",
                agent_id="a1",
                at_s=end_s,
                kind=ActivityKind.FINISH,
                operation_type="build",
                gap_s=self.build_s,
                gap_of="build",
            )
            for end_s in ends
            if end_s > since_s
        )
        return dataclasses.replace(seen, agents=agents, activity=activity)


def test_ten_long_silent_builds_are_left_alone_by_an_engine_that_knows_nothing(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(START)
    ward = Ward(tmp_path, clock=clock, swarm=Builder(clock), silences=None)

    anyio.run(ward.live, 10 * Builder.build_s)

    assert ward.effector.verbs == []


def test_after_the_first_hour_a_hang_is_found_by_what_was_seen_in_it(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(START)
    swarm = Builder(clock)
    swarm.build_s = 120.0
    ward = Ward(tmp_path, clock=clock, swarm=swarm, silences=None)

    async def story() -> None:
        await ward.live(3600.0)
        swarm.silent_since["a1"] = clock.monotonic_s()
        await ward.live(300.0)

    anyio.run(story)

    assert ward.effector.verbs[:1] == ["coordination_reminder"]
