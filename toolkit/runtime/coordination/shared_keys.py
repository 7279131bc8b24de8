"""Who wrote a memory key last, who has seen that, and who did what to it lately.

An event is judged by what strictly precedes it: what it changes for the others is held
back until its instant is over (`commit`). Everything is bounded: keys in two
generations, the operations of a key by the horizon.
"""

from enum import Enum

from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.counts import (
    IS_DUPLICATE,
    IS_KEYED,
    IS_READ,
    IS_STALE_READ,
    IS_STALE_WRITE,
    IS_WRITE,
)
from toolkit.runtime.coordination.instants import NEVER

__all__ = ["KeyRecord", "SharedKeys"]


class KeyAccess(Enum):
    """What an operation shows of its agent's knowledge of a key."""

    NONE = "has not seen the newest write"
    READ = "has seen the newest write"
    WRITE = "has made the newest write"


_NONE, _READ, _WRITE = KeyAccess

Pending = tuple["KeyRecord", AgentRecord, str, KeyAccess, int | None]


class KeyRecord:
    """One memory key.

    While one agent alone does something with it, `sole` says who and `alone` what and
    when; with the second one all of it moves to `done`.
    """

    __slots__ = (
        "alone", "done", "limit", "seen", "sole", "version", "writer", "written_at",
    )  # fmt: skip

    def __init__(self) -> None:
        self.written_at = NEVER
        self.writer: AgentRecord | None = None
        """`None` before the first write, and while several wrote at one instant."""
        self.version: int | None = None
        self.seen: set[AgentRecord] | None = None
        """Agents but the writer that accessed the key since the newest write."""
        self.sole: AgentRecord | None = None
        self.alone: dict[str, float] = {}
        """The only agent's operations with their last time."""
        self.done: dict[str, dict[AgentRecord, float]] | None = None
        """Of each operation its agents with their last time, latest last; `None` with
        fewer than two agents."""
        self.limit = 16


class SharedKeys:
    """The memory keys of a swarm, and what is stale or a duplicate on them.

    Parameters
    ----------
    horizon : float
        Age beyond which nothing counts, in microseconds.
    most_keys : int
        Keys of a generation; twice as many are remembered at most.
    """

    __slots__ = ("_horizon", "_keys", "_most", "_older", "_pending", "_rotate_at")

    def __init__(self, *, horizon: float, most_keys: int) -> None:
        self._horizon = horizon
        self._most = most_keys
        self._keys: dict[str, KeyRecord] = {}
        self._older: dict[str, KeyRecord] = {}
        self._rotate_at = NEVER
        self._pending: list[Pending] = []

    def __len__(self) -> int:
        return len(self._keys) + len(self._older)

    def get(self, name: str) -> KeyRecord | None:
        """Look a key up without using it."""
        return self._keys.get(name) or self._older.get(name)

    def classify(
        self,
        me: AgentRecord,
        operation: str,
        name: str,
        now: float,
        action: str | None,
        version_seen: int | None,
        version: int | None,
    ) -> int:
        """Classify one operation on a key, and hold back what it changes.

        Parameters
        ----------
        me : AgentRecord
        operation, name : str
            What it did, and the key.
        now : float
        action : str or None
            `read` or `write` are accesses; anything else is not.
        version_seen, version : int or None
            Version of the key before and after.

        Returns
        -------
        int
            Bits of `counts.UNITS`.
        """
        key = self._keys.get(name)
        if key is None:
            key = self._use(name, now)
        oldest = now - self._horizon
        newest = key.written_at
        code, access = IS_KEYED, _NONE
        if action == "write":
            code, access = IS_KEYED | IS_WRITE, _WRITE
        elif action == "read":
            code, access = IS_KEYED | IS_READ, _READ
        current = None  # whether it knows the newest version, where versions are known
        if newest >= oldest and action:
            if version_seen is not None and key.version is not None:
                current = version_seen >= key.version
            if access is _WRITE:
                if key.writer is not me and not (
                    (key.seen is not None and me in key.seen)
                    if current is None
                    else current
                ):
                    code |= IS_STALE_WRITE
            elif current is False and access is _READ:
                code |= IS_STALE_READ
                access = _NONE
        # A write that goes on from the newest version repeats nothing.
        if (
            key.sole is not me
            and not (current and access is _WRITE)
            and self._is_repeated(
                key, me, operation, newest if newest > oldest else oldest, now
            )
        ):
            code |= IS_DUPLICATE
        self._pending.append((key, me, operation, access, version))
        return code

    def commit(self, now: float) -> None:
        """Let the operations of the instant that is over count for the others."""
        pending = self._pending
        if len(pending) > 1:
            pending.sort(key=_writes_first)
        for key, who, operation, access, version in pending:
            if access is _WRITE:
                if key.written_at != now:
                    key.written_at = now
                    key.writer = who
                    key.version = version
                    key.seen = None
                    if key.sole is not who:
                        # Nothing done before a write is done again after it.
                        key.sole = who
                        key.alone = {}
                        key.done = None
                else:
                    _write_together(key, who, version)
            elif access is _READ and key.writer is not who:
                self._note_seen(key, who, now)
            if key.sole is who:
                key.alone[operation] = now
                if len(key.alone) > key.limit:
                    self._prune(key, now)
            else:
                self._note_done(key, who, operation, now)
        pending.clear()

    def _use(self, name: str, now: float) -> KeyRecord:
        """Find a key among those used less lately, or begin one."""
        if now > self._rotate_at or len(self._keys) >= self._most:
            self._older = self._keys
            self._keys = {}
            self._rotate_at = now + self._horizon
        key = self._older.pop(name, None) or KeyRecord()
        self._keys[name] = key
        return key

    def _is_repeated(
        self, key: KeyRecord, me: AgentRecord, operation: str, oldest: float, now: float
    ) -> bool:
        """Whether another agent's window holds this operation since `oldest`."""
        sole = key.sole
        if sole is not None:
            then = key.alone.get(operation, NEVER)
            return then >= oldest and then >= _window_begins(sole, now)
        done = None if key.done is None else key.done.get(operation)
        if done is None:
            return False
        outdated = repeated = False
        for other in reversed(done):
            if other is not me:
                then = done[other]
                if then < oldest:
                    break
                if then >= _window_begins(other, now):
                    repeated = True
                    break
                outdated = True
        if outdated:
            for other, then in list(done.items()):
                if then < _window_begins(other, now):
                    del done[other]
        return repeated

    def _note_seen(self, key: KeyRecord, who: AgentRecord, now: float) -> None:
        """Remember that an agent other than its author has read the newest write."""
        if now - key.written_at > self._horizon:
            key.seen = None
        elif key.seen is None:
            key.seen = {who}
        else:
            key.seen.add(who)

    def _note_done(
        self, key: KeyRecord, who: AgentRecord, operation: str, now: float
    ) -> None:
        """Remember what an agent did where it is not alone, or is the first."""
        if key.done is None:
            if key.sole is None:
                key.sole = who
                key.alone[operation] = now
                return
            key.done = {name: {key.sole: then} for name, then in key.alone.items()}
            key.sole = None
            key.alone = {}
        done = key.done.get(operation)
        if done is None:
            key.done[operation] = {who: now}
            largest = len(key.done)
        else:
            done.pop(who, None)
            done[who] = now
            largest = len(done)
        if largest > key.limit:
            self._prune(key, now)

    def _prune(self, key: KeyRecord, now: float) -> None:
        """Drop what is older than the horizon; rare enough to be free."""
        oldest = now - self._horizon
        key.alone = {name: then for name, then in key.alone.items() if then >= oldest}
        largest = len(key.alone)
        if key.done is not None:
            key.done = {
                operation: kept
                for operation, done in key.done.items()
                if (kept := {a: t for a, t in done.items() if t >= oldest})
            }
            largest = max(len(key.done), *map(len, key.done.values()))
        key.limit = 2 * max(8, largest)


def _window_begins(agent: AgentRecord, now: float) -> float:
    """Time of the oldest operation in an agent's window, before this instant."""
    return agent.evicted_at if agent.last_at == now else agent.rings[agent.pos]


def _write_together(key: KeyRecord, who: AgentRecord, version: int | None) -> None:
    """Count a second write of one instant: no writer has seen the other's."""
    if key.writer is not who:
        writers = {who} if key.writer is None else {who, key.writer}
        key.seen = writers if key.seen is None else key.seen | writers
        key.writer = None
    if version is not None and (key.version is None or version > key.version):
        key.version = version


def _writes_first(entry: Pending) -> bool:
    return entry[3] is not _WRITE
