"""What the rungs do to a real pool."""

import anyio
import pytest

from tests.testing.pool.conftest import LivingPool
from toolkit.runtime.healing.effectors import Action, Effect, EffectOutcome
from toolkit.testing.pool import LocalPoolEffector, Task


def act(living: LivingPool, verb: str, cause: str, **given: object) -> Effect:
    effector = LocalPoolEffector(living.pool)
    keys = (cause.partition(":")[2],) if cause.startswith("key:") else ()
    action = Action(
        key=f"k-{verb}",
        verb=verb,
        cause=cause,
        keys=keys,
        evidence={name: str(value) for name, value in given.items()},
    )
    return anyio.run(effector.act, action)


def with_tasks(living: LivingPool, *, optional: bool = False) -> None:
    tasks = [
        Task(
            task_id=f"t{n}",
            operation_type="edit",
            duration_s=60.0,
            memory_key="k",
            optional=optional,
        )
        for n in range(4)
    ]
    living.pool.submit(tasks, agents=2)
    for slot in ("a1", "a2"):
        living.pool.spawn(slot)
    living.live(15.0)


def test_reassigning_gives_the_tasks_back(living: LivingPool) -> None:
    with_tasks(living)

    assert act(living, "reassign_task", "agent:a1").affected == 1
    assert living.pool.ledger.counts() == {"queued": 3, "running": 1}


def test_an_agent_without_tasks_has_nothing_to_reassign(living: LivingPool) -> None:
    living.pool.spawn("a1")

    effect = act(living, "reassign_task", "agent:a1")

    assert effect.outcome is EffectOutcome.INAPPLICABLE


def test_a_dead_agent_cannot_be_reminded(living: LivingPool) -> None:
    living.pool.spawn("a1")
    living.pool.kill("a1")

    effect = act(living, "coordination_reminder", "agent:a1")

    assert effect.outcome is EffectOutcome.INAPPLICABLE


def test_repairing_touches_the_named_keys_only(living: LivingPool) -> None:
    memory = living.pool.memory
    for key in ("k1", "k2"):
        memory.write(key, "good", writer="a1", task=f"t-{key}", now_s=0.0)
        memory.harm(key, value="bad", writer="a2")

    act(living, "repair_keys", "key:k1")

    assert [entry.consistent for entry in memory.entries()] == [True, False]


def test_syncing_repairs_every_key(living: LivingPool) -> None:
    memory = living.pool.memory
    for key in ("k1", "k2"):
        memory.write(key, "good", writer="a1", task=f"t-{key}", now_s=0.0)
        memory.harm(key, value="bad", writer="a2")

    assert act(living, "full_memory_sync", "key:k1").affected == 2


def test_restarting_a_writer_repairs_what_it_harmed(living: LivingPool) -> None:
    living.pool.spawn("a1")
    living.pool.memory.write("k", "good", writer="a1", task="t", now_s=0.0)
    living.pool.memory.harm("k", value="bad", writer="a1")

    act(living, "agent_restart", "key:k", slot="a1")

    entry = living.pool.memory.read("k")
    assert entry is not None
    assert entry.consistent
    assert list(living.pool.processes()) != ["a1"]


def test_a_lost_assignment_is_announced_again(living: LivingPool) -> None:
    living.pool.spawn("a1")
    with living.pool.ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO tasks VALUES ('r','review',30,0,NULL,0,0,'assigned','a1',1,0,NULL,'',0)"
        )

    act(living, "reannounce_ownership", "task:r")
    living.live(60.0)

    assert living.pool.ledger.counts() == {"done": 1}


def test_an_assignment_is_moved_to_whoever_is_free(living: LivingPool) -> None:
    with living.pool.ledger.transaction() as connection:
        connection.execute(
            "INSERT INTO tasks VALUES ('r','review',30,0,NULL,0,0,'assigned','gone',1,0,NULL,'',0)"
        )
    living.pool.spawn("a1")

    act(living, "task_redistribution", "task:r")
    living.live(60.0)

    assert living.pool.ledger.counts() == {"done": 1}


def test_who_does_anothers_task_is_told_to_drop_it(living: LivingPool) -> None:
    with_tasks(living)
    (owner,) = living.pool.ledger.rows("SELECT owner FROM tasks WHERE id='t0'")
    other = "a1" if owner["owner"] == "a2" else "a2"
    with living.pool.ledger.transaction() as connection:
        connection.execute("UPDATE agents SET task='t0' WHERE id=?", (other,))

    act(living, "reannounce_ownership", "task:t0")

    assert (
        living.pool.ledger.rows("SELECT agent, kind FROM messages")[0]["agent"] == other
    )


def test_simplifying_drops_optional_tasks_that_nobody_began(living: LivingPool) -> None:
    with_tasks(living, optional=True)

    assert act(living, "workflow_simplification", "swarm").affected == 2


def test_a_reset_replaces_who_holds_things_up(living: LivingPool) -> None:
    with_tasks(living)

    act(living, "coordination_reset", "agent:a1")

    assert "a1" not in living.pool.processes()


@pytest.mark.parametrize(
    "verb", ["workflow_restart", "workflow_reset", "system_restart"]
)
def test_a_restart_replaces_everybody_and_loses_nothing(
    living: LivingPool, verb: str
) -> None:
    with_tasks(living)

    act(living, verb, "swarm")
    living.live_until_done()

    assert not {"a1", "a2"} & set(living.pool.processes())
    assert living.pool.ledger.counts() == {"done": 4}


def test_a_full_store_is_given_room(living: LivingPool) -> None:
    living.pool.memory.write("k", "v", writer="a1", task="t", now_s=0.0)
    living.pool.memory.fill()

    assert act(living, "resource_reallocation", "store").affected > 0


def test_a_recommendation_to_run_fewer_is_followed(living: LivingPool) -> None:
    with_tasks(living)
    effector = LocalPoolEffector(living.pool, recommend=lambda: 1)
    action = Action(key="k", verb="optimize_performance", cause="swarm")

    anyio.run(effector.act, action)

    assert living.pool.slots() == ["a1"]
    assert living.pool.ledger.counts() == {"queued": 3, "running": 1}


def test_a_nursery_that_is_gone_is_a_failed_action(living: LivingPool) -> None:
    living.pool.spawn("a1")
    working, living.pool.forkserver = (
        living.pool.forkserver,
        type(living.pool.forkserver)(living.pool.directory / "nowhere"),
    )

    effect = act(living, "spawn_replacement", "agent:a1")
    living.pool.forkserver = working

    assert effect.outcome is EffectOutcome.FAILED


def test_a_verb_that_a_pool_does_not_know_is_inapplicable(living: LivingPool) -> None:
    assert act(living, "pray", "swarm").outcome is EffectOutcome.INAPPLICABLE
