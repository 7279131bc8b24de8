"""The effector of the local pool: every rung of every ladder, on real processes."""

import sqlite3
from collections.abc import Callable

import anyio
import anyio.to_thread

from toolkit.errors import ToolkitError
from toolkit.runtime.healing.effectors import Action, Effect, EffectOutcome
from toolkit.testing.pool.local_pool import LocalAgentPool, agent_name

__all__ = ["LocalPoolEffector"]

Verb = Callable[[Action], Effect]


class LocalPoolEffector:
    """Acts on a local pool, each action once for its key.

    Parameters
    ----------
    pool : LocalAgentPool
    recommend : callable, optional
        The guarded policy's agent count, or `None` where it has none; without it the
        first strategy against degradation has nothing to go by and is passed over.

    Notes
    -----
    The pool's own operations are idempotent by key, so an action that died between its
    effect and its note is finished, not repeated, when it is asked for again.
    """

    def __init__(
        self,
        pool: LocalAgentPool,
        *,
        recommend: Callable[[], int | None] | None = None,
    ) -> None:
        self.pool = pool
        self._recommend = recommend
        self._one_at_a_time = anyio.Lock()
        self._verbs: dict[str, Verb] = {
            "coordination_reminder": self._remind,
            "reassign_task": self._reassign,
            "spawn_replacement": self._replace,
            "workflow_restart": self._restart_all,
            "repair_keys": self._repair,
            "full_memory_sync": self._sync,
            "agent_restart": self._restart_writer,
            "coordination_reset": self._reset_coordination,
            "reannounce_ownership": self._announce,
            "task_redistribution": self._redistribute,
            "agent_respawn": self._replace,
            "workflow_reset": self._restart_all,
            "optimize_performance": self._shrink,
            "resource_reallocation": self._reallocate,
            "workflow_simplification": self._simplify,
            "system_restart": self._restart_all,
            "set_aside_task": self._set_aside,
            "redo_results": self._redo,
            "stand_down": self._stand_down,
        }

    async def act(self, action: Action) -> Effect:
        """Carry out one action, or tell what it did before."""
        known = await self.effect_of(action.key)
        if known is not None:
            return known
        verb = self._verbs.get(action.verb)
        if verb is None:
            return nothing(f"this pool has no way to do {action.verb}")
        async with self._one_at_a_time:
            return await anyio.to_thread.run_sync(
                self._carry_out, verb, action, abandon_on_cancel=True
            )

    async def effect_of(self, key: str) -> Effect | None:
        """Tell what took effect under a key."""
        rows = self.pool.ledger.rows(
            "SELECT outcome, detail, affected FROM actions WHERE key=? "
            "AND outcome IS NOT NULL",
            (key,),
        )
        if not rows:
            return None
        return Effect(
            outcome=EffectOutcome(rows[0]["outcome"]),
            detail=rows[0]["detail"],
            affected=rows[0]["affected"],
        )

    def _carry_out(self, verb: Verb, action: Action) -> Effect:
        try:
            effect = verb(action)
            if effect.outcome is EffectOutcome.ACTED:
                self._note(action, effect)
        except (ToolkitError, OSError, sqlite3.Error) as error:
            return Effect(outcome=EffectOutcome.FAILED, detail=str(error)[:200])
        return effect

    def _note(self, action: Action, effect: Effect) -> None:
        with self.pool.ledger.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO actions VALUES (?,?,?,?,?,?,?)",
                (
                    action.key,
                    action.verb,
                    action.cause,
                    effect.outcome.value,
                    effect.detail,
                    effect.affected,
                    self.pool.clock.monotonic_s(),
                ),
            )

    def _remind(self, action: Action) -> Effect:
        if action.slot is None:
            return nothing("no agent to remind")
        asked = self.pool.remind(action.slot)
        if not asked:
            return nothing(f"the process of {action.slot} is gone")
        return done(f"reminded {action.slot}", asked)

    def _reassign(self, action: Action) -> Effect:
        if action.slot is None:
            return nothing("no agent whose tasks to reassign")
        tasks = self.pool.reassign(action.slot, key=action.key)
        if not tasks:
            return nothing(f"{action.slot} owns no task")
        return done(f"gave {len(tasks)} tasks of {action.slot} back", len(tasks))

    def _replace(self, action: Action) -> Effect:
        if action.slot is None:
            return nothing("no agent to replace")
        found = action.evidence.get("agent")
        members = self.pool.members(action.slot)
        ours = agent_name(action.slot, action.key)
        if found is not None and members and not {found, ours} & set(members):
            # Another healer was first: the agent that was found is there no more.
            return done(f"{found} was replaced by {members[0]} already", 0)
        agent = self.pool.replace(action.slot, key=action.key)
        self.pool.redo(action.slot)
        return done(f"replaced {action.slot} by {agent}", 1)

    def _set_aside(self, action: Action) -> Effect:
        task = task_of(action)
        if task is None or not self.pool.set_aside(task):
            return nothing("no unfinished task to set aside")
        return done(f"set task {task} aside", 1)

    def _redo(self, action: Action) -> Effect:
        if action.slot is None:
            return nothing("no agent whose results to redo")
        count = self.pool.redo(action.slot)
        if not count:
            return nothing(f"every result of {action.slot} is there")
        return done(f"queued {count} tasks of {action.slot} again", count)

    def _stand_down(self, action: Action) -> Effect:
        if action.slot is None:
            return nothing("no agent to take out")
        self.pool.stop(action.slot)
        return done(f"took {action.slot} out of the swarm", 1)

    def _restart_writer(self, action: Action) -> Effect:
        effect = self._replace(action)
        if effect.outcome is EffectOutcome.ACTED and action.keys:
            self.pool.memory.repair(action.keys)
        return effect

    def _restart_all(self, action: Action) -> Effect:
        slots = self.pool.slots()
        for slot in slots:
            self.pool.replace(slot, key=f"{action.key}/{slot}")
        return done(f"restarted {len(slots)} agents", len(slots))

    def _repair(self, action: Action) -> Effect:
        changed = self.pool.memory.repair(action.keys)
        return done(f"repaired {changed} keys", changed)

    def _sync(self, action: Action) -> Effect:
        changed = self.pool.memory.repair()
        return done(f"{action.verb} changed {changed} keys", changed)

    def _reset_coordination(self, action: Action) -> Effect:
        if action.slot is not None:
            self.pool.replace(action.slot, key=action.key)
        sent = self.pool.announce()
        return done(f"freed what was held, announced {sent}", sent)

    def _announce(self, action: Action) -> Effect:
        sent = self.pool.announce(task_of(action))
        if not sent:
            return nothing("no agent needs to know")
        return done(f"announced ownership in {sent} messages", sent)

    def _redistribute(self, action: Action) -> Effect:
        if action.slot is not None:
            return self._reassign(action)
        count = self.pool.requeue(task_of(action), key=action.key)
        return (
            done(f"requeued {count} tasks", count) if count else nothing("none to move")
        )

    def _shrink(self, action: Action) -> Effect:
        wanted = self._recommend() if self._recommend is not None else None
        slots = self.pool.slots()
        if wanted is None or not 0 < wanted < len(slots):
            return nothing(f"no recommendation to run fewer than {len(slots)} agents")
        for slot in slots[wanted:]:
            self.pool.stop(slot)
        return done(f"{action.verb}: {wanted} agents", len(slots) - wanted)

    def _reallocate(self, action: Action) -> Effect:
        if action.cause == "store":
            pages = self.pool.memory.reclaim()
            return done(f"freed {pages} pages of the store", pages)
        return self._replace(action)

    def _simplify(self, action: Action) -> Effect:
        count = self.pool.simplify()
        return (
            done(f"{action.verb} dropped {count} optional tasks", count)
            if count
            else nothing("no optional task is left")
        )


def done(detail: str, affected: int) -> Effect:
    """Say what was done."""
    return Effect(outcome=EffectOutcome.ACTED, detail=detail, affected=affected)


def nothing(detail: str) -> Effect:
    """Say why there was nothing to do."""
    return Effect(outcome=EffectOutcome.INAPPLICABLE, detail=detail)


def task_of(action: Action) -> str | None:
    """Name the task that an action is about, where it is about one.

    Examples
    --------
    >>> task_of(Action(key="k", verb="v", cause="task:t7"))
    't7'
    """
    kind, _, name = action.cause.partition(":")
    return name if kind == "task" else None
