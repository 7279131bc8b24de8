"""The healers that are compared, each a separate process that follows the tick."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import anyio

from toolkit.notifier import SilentNotifier
from toolkit.records import Spool
from toolkit.runtime.healing import (
    HealingEngine,
    HealingSession,
    Journal,
    SilenceThresholds,
)
from toolkit.runtime.healing.effectors import Effect
from toolkit.runtime.sinks import SpoolSink
from toolkit.testing.pool import (
    LocalAgentPool,
    LocalPoolEffector,
    LockstepFollower,
    PoolView,
    SteppedClock,
)

__all__ = ["START", "heal"]

START = datetime(2026, 1, 5, tzinfo=UTC)
"""Wall time at second 0 of every episode."""

HEARTBEAT_CHECK_S = 30.0


class CrashingJournal(Journal):
    """A journal whose engine is killed at its n-th write, before or after it.

    Parameters
    ----------
    path : path
    owner : str
    crash_at : int
        Which write; 0 never. Odd ones die before the write, even ones after.
    """

    def __init__(self, path: Path, *, owner: str, crash_at: int) -> None:
        super().__init__(path, owner=owner)
        self._left = crash_at

    def save(self, session: HealingSession) -> None:
        """Write a session's state, or die."""
        self._maybe_die(before=True)
        super().save(session)
        self._maybe_die(before=False)

    def intend(self, key: str, *, now_s: float) -> bool:
        """Write an intent down, or die."""
        self._maybe_die(before=True)
        fresh = super().intend(key, now_s=now_s)
        self._maybe_die(before=False)
        return fresh

    def took_effect(self, key: str, effect: Effect, *, now_s: float) -> None:
        """Write an effect down, or die."""
        self._maybe_die(before=True)
        super().took_effect(key, effect, now_s=now_s)
        self._maybe_die(before=False)

    def _maybe_die(self, *, before: bool) -> None:  # noqa: ARG002 - says where
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def heal(*, directory: str, tick: str, healer: str, **options: object) -> None:
    """Be a healer until the lockstep is gone; what the forkserver forks.

    Parameters
    ----------
    directory : str
        The pool's.
    tick : str
        The lockstep's socket.
    healer : str
        `engine` or `heartbeat`.
    """
    clock = SteppedClock(START)
    pool = LocalAgentPool(Path(directory), clock=clock)
    follower = LockstepFollower(
        Path(tick), name="healer", role="healer", pid=os.getpid()
    )
    if healer == "engine":
        anyio.run(_heal_by_engine, pool, clock, follower, options)
    else:
        _heal_by_heartbeat(pool, clock, follower, float(str(options["timeout_s"])))


async def _heal_by_engine(
    pool: LocalAgentPool,
    clock: SteppedClock,
    follower: LockstepFollower,
    options: dict[str, object],
) -> None:
    silences = str(options.get("silences", ""))
    engine = HealingEngine(
        swarm=PoolView(pool),
        effector=LocalPoolEffector(pool),
        journal=CrashingJournal(
            pool.directory / str(options.get("journal", "healing.sqlite")),
            owner="healer",
            crash_at=int(str(options.get("crash_at", 0))),
        ),
        clock=clock,
        notifier=SilentNotifier(),
        seed=int(str(options.get("seed", 0))),
        silences=SilenceThresholds.load(Path(silences)) if silences else None,
        records=SpoolSink(Spool(pool.directory / "spool")),
    )
    while messages := follower.messages():
        for message in messages:
            clock.set(message["now_s"], jump_s=message["jump_s"])
            await engine.turn()
            follower.acknowledge(message["tick"])


def _heal_by_heartbeat(
    pool: LocalAgentPool,
    clock: SteppedClock,
    follower: LockstepFollower,
    timeout_s: float,
) -> None:
    """Restart agents whose heartbeat is older than a time-out, by the wall clock.

    The usual watchdog: `now() - last heartbeat > time-out`, then kill and start again,
    tasks given back.
    """
    due_s, restarts = 0.0, 0
    while messages := follower.messages():
        for message in messages:
            clock.set(message["now_s"], jump_s=message["jump_s"])
            if clock.monotonic_s() >= due_s:
                due_s = clock.monotonic_s() + HEARTBEAT_CHECK_S
                wall_s = (clock.now() - START).total_seconds()
                for row in pool.ledger.rows(
                    "SELECT slot, coalesce(heartbeat_s, spawned_s + ?) AS heard_s "
                    "FROM agents WHERE state<>'retired'",
                    (message["jump_s"],),
                ):
                    if wall_s - row["heard_s"] > timeout_s:
                        restarts += 1
                        pool.replace(row["slot"], key=f"heartbeat:{restarts}")
            follower.acknowledge(message["tick"])
