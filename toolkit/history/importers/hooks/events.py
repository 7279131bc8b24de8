"""Batches and coordination events from what the installed hooks recorded live.

`PostToolBatch` says which calls were one batch, the events around each call say how long
it took and how it ended, and the `tool_use_id` joins them. The same ids are in the
transcript, so that a session imported from there afterwards gives the same records: one
each, of which the copy is kept that saw more, and of equal ones the measured.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from toolkit.errors import InputDataError, SchemaError
from toolkit.history.importers import ImportSink, SourceFile, find_files
from toolkit.history.importers.claude_code.agents import ActiveAgents
from toolkit.history.importers.claude_code.calls import (
    INTERRUPTED,
    REFUSED,
    SIBLING,
    Call,
    Reply,
)
from toolkit.history.importers.claude_code.records import records_of
from toolkit.history.importers.claude_code.streams import MAIN, Stream
from toolkit.history.importers.claude_code.tools import (
    ASYNC_LAUNCHED,
    TEAMMATE_SPAWNED,
    classify_tool,
)
from toolkit.history.importers.lines import decode_object, read_lines
from toolkit.records import (
    KINDS,
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Provenance,
    Record,
    Served,
    call_record_id,
    record_id,
)

__all__ = ["HookJoiner", "HookSource"]

SOURCE = "claude-code-hooks"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WORKERS = 10
MAX_TODOS = 10_000
MAX_MS = 1e12
"""Longest duration in milliseconds that is believed: thirty years."""

MAX_NS = 2**62
"""Latest time in nanoseconds that is believed: the year 2116."""

MAX_CONTEXT = 200
"""Longest name of a cell of an advice table that is believed."""

MAX_OPEN_CALLS = 10_000
"""Calls of one session that wait for their batch; older ones are let go."""

REPEATED_S = 10.0
"""How long after an event its copy may come: two scopes with our hooks, or a session in
the home folder, whose settings are the user's and the project's, fire each one twice."""

GIVEN_UP = {"cancelled": SIBLING, "rejected": REFUSED}
"""Why a call was given up, by what the handler found in its result."""

CALL_EVENTS = ("PreToolUse", "PostToolUse", "PostToolUseFailure")
STOPS = ("Stop", "StopFailure", "SessionEnd", "SubagentStop")


class HookSource:
    """Reads the spool that `toolkit.capture.hook_handler` appends to.

    Examples
    --------
    >>> HookSource().name
    'hooks'
    """

    name = "hooks"

    def files(self, paths: Sequence[Path]) -> Iterable[SourceFile]:
        """Find the spool files.

        Raises
        ------
        InputDataError
            For a path that does not exist or holds no such file.
        """
        return find_files(paths, lambda path: path.suffix == ".jsonl")

    def read(self, path: Path, sink: ImportSink) -> None:
        """Join the events of one file.

        Raises
        ------
        InputDataError
            No line of it is a hook event.
        """
        joiner = HookJoiner()
        lines = 0
        for number, line in read_lines(path):
            lines += 1
            try:
                row = decode_object(line if line is not None else b"")
                for record in joiner.take(row):
                    sink.add(record)
            except (InputDataError, SchemaError) as error:
                sink.reject(number, error.problem)
        sink.read(lines)
        for session, agent in joiner.streams:
            if not session:
                continue
            sink.met("session", session)
            if agent != MAIN:
                sink.met("subagent_stream", f"{session}/{agent}")
        if lines and not joiner.events:
            raise InputDataError("no line is a hook event", file=path)


class HookJoiner:
    """Takes reduced hook events in the order they came and gives finished records.

    Memory is bounded by the calls that are still open.

    Attributes
    ----------
    events : dict of str to int
        How many of each event were taken.
    streams : dict
        Every (session, agent) met; used as an ordered set.
    """

    def __init__(self) -> None:
        self.events: dict[str, int] = {}
        self.streams: dict[tuple[str, str], None] = {}
        self._sessions: dict[str, _Session] = {}

    def take(self, row: Mapping[str, Any]) -> Iterator[Record]:
        """Take one event.

        Parameters
        ----------
        row : mapping
            One line of the hook spool.

        Yields
        ------
        Record
            Those that the event completes.

        Raises
        ------
        InputDataError
            The row is not a hook event of a session.
        """
        event = row.get("event")
        if row.get("kind") != "hook" or not isinstance(event, str):
            raise InputDataError("not a hook event", field="kind")
        self.events[event] = self.events.get(event, 0) + 1
        if event == "unreadable":
            return
        session, agent, at_ns = row.get("session"), row.get("agent"), row.get("at_ns")
        if not isinstance(session, str) or not isinstance(agent, str):
            raise InputDataError("not an id", field="session")
        if isinstance(at_ns, bool) or not isinstance(at_ns, int):
            raise InputDataError("not a time", field="at_ns")
        if not 0 <= at_ns < MAX_NS:
            raise InputDataError("not a time", field="at_ns")
        self.streams[session, agent] = None
        state = self._sessions.setdefault(session, _Session(session))
        yield from state.take(event, agent, at_ns / 1e9, row)
        if event == "SessionEnd":
            del self._sessions[session]


class _Session:
    """What is open in one session."""

    def __init__(self, session_id: str) -> None:
        self._id = session_id
        self._model: str | None = None
        self._open: dict[str, _Open] = {}
        self._counted: dict[str, int] = {}
        self._finished: dict[str, tuple[frozenset[str], float]] = {}
        self._team: set[str] = set()
        self._streams: dict[str, _Stream] = {}
        self._running: set[str] = set()
        self._has_batches = False

    def take(
        self, event: str, agent: str, at_s: float, row: Mapping[str, Any]
    ) -> Iterator[Record]:
        stream = self._streams.setdefault(agent, _Stream(self._id, agent))
        if self._is_repeated(event, agent, at_s, row):
            return
        if event == "TeammateIdle":
            self._team.discard(str(row.get("teammate")))
        if event == "SessionStart" and isinstance(row.get("model"), str):
            self._model = row["model"]
        elif event == "UserPromptSubmit":
            if row.get("automatic") is not True:
                stream.lines.prompt(at_s)
        elif event == "SubagentStart":
            self._running.add(agent)
            stream.lines.prompt(at_s)
        elif event in ("PreToolUse", "PostToolUse", "PostToolUseFailure"):
            self._note(event, agent, at_s, row)
        elif event == "advice":
            stream.decide(row)
        elif event == "PostToolBatch":
            self._has_batches = True
            yield from self._batch(stream, self._calls_of(agent, row), at_s, row)
        elif event in STOPS:
            yield from self._stop(event, agent, stream)

    def _name(self, agent: str, call_id: str) -> str:
        """Name a call within the session: some models count ids within a message."""
        return call_record_id(call_id, scope=f"{self._id}/{agent}")

    def _is_repeated(
        self, event: str, agent: str, at_s: float, row: Mapping[str, Any]
    ) -> bool:
        """Whether an event is a second copy of one that was just there."""
        last, last_s = self._finished.get(agent, (frozenset[str](), -math.inf))
        recent = at_s - last_s < REPEATED_S
        if event == "PostToolBatch":
            names = {name for name, _ in self._calls_of(agent, row)}
            return recent and names == last and self._open.keys().isdisjoint(names)
        call_id = row.get("id")
        if event not in CALL_EVENTS or not isinstance(call_id, str):
            return False
        name = self._name(agent, call_id)
        held = self._open.get(name)
        if event == "PreToolUse":
            return held is not None and held.pre is not None and held.post is None
        if held is None:
            return recent and name in last
        return held.post is not None

    def _calls_of(
        self, agent: str, row: Mapping[str, Any]
    ) -> list[tuple[str, Mapping[str, Any]]]:
        """List the calls of a batch by their names."""
        calls = row.get("calls")
        found: dict[str, Mapping[str, Any]] = {}
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, dict) and isinstance(call.get("id"), str):
                found.setdefault(self._name(agent, call["id"]), call)
        return list(found.items())

    def _stop(self, event: str, agent: str, stream: "_Stream") -> Iterator[Record]:
        if event == "SubagentStop":
            self._running.discard(agent)
        # Only where the harness has no batch events, and only once the agent stopped:
        # in the middle of a batch its calls would be taken for batches of their own.
        if not self._has_batches:
            yield from self._overlapping(agent, stream)

    def _note(
        self, event: str, agent: str, at_s: float, row: Mapping[str, Any]
    ) -> None:
        call_id = row.get("id")
        if not isinstance(call_id, str):
            raise InputDataError("not an id", field="id")
        if len(self._open) >= MAX_OPEN_CALLS:
            del self._open[next(iter(self._open))]
        held = self._open.setdefault(self._name(agent, call_id), _Open(agent))
        if row.get("status") == TEAMMATE_SPAWNED:
            self._team.add(str(row.get("teammate")))
        if event == "PreToolUse":
            held.pre_s, held.pre = at_s, row
        else:
            held.post_s, held.post = at_s, row

    def _batch(
        self,
        stream: "_Stream",
        calls: Sequence[tuple[str, Mapping[str, Any]]],
        at_s: float,
        row: Mapping[str, Any],
    ) -> Iterator[Record]:
        held = {name: self._open.pop(name, _Open(stream.agent)) for name, _ in calls}
        if not held:
            return
        first = next(iter(held))
        facts = [(name, held[name], said) for name, said in calls]
        events_seen = any(known.post is not None for known in held.values())
        built = [
            self._built(known, said, at_s, seen=events_seen) for _, known, said in facts
        ]
        self._finished[stream.agent] = frozenset(held), at_s
        mode = row.get("permission_mode")
        batch = stream.lines.batch(
            first,
            1,
            mode=mode if isinstance(mode, str) else None,
            model=self._model,
            version=None,
        )
        batch.calls = built
        load = held[first].pre or row
        active = self._active(stream.agent)
        by_record = dict(zip((c.record_id for c in built), held.values(), strict=True))
        for record in stream.finished(first):
            if isinstance(record, SchemaError):
                raise record
            yield _measured(record, by_record, load, active, stream)
        sample = _load_sample(built[0].record_id, at_s, row)
        if sample is not None:
            yield sample

    def _built(
        self, known: "_Open", said: Mapping[str, Any], at_s: float, *, seen: bool
    ) -> Call:
        """Build a call; an id that comes again after its own result is another one."""
        call = _call(str(said["id"]), known, said, at_s, seen=seen)
        call.scope = f"{self._id}/{known.agent}"
        first = call.record_id
        if first != call_record_id(call.call_id):
            call.nth = self._counted.get(first, 0)
            self._counted[first] = call.nth + 1
        return call

    def _active(self, agent: str) -> int:
        waiting = any(
            known.post is None
            and known.pre is not None
            and known.agent == MAIN
            and classify_tool(str(known.pre.get("tool"))).action == "spawn"
            for known in self._open.values()
        )
        own_thread = 0 if waiting and agent != MAIN else 1
        return max(len(self._running | self._team) + own_thread, 1)

    def _overlapping(self, agent: str, stream: "_Stream") -> Iterator[Record]:
        """Group ended calls that overlap; serial calls of one message stay apart."""
        ended = [
            (known.began_s, known.post_s, name, known)
            for name, known in self._open.items()
            if known.agent == agent and known.post is not None
        ]
        group: list[tuple[str, Mapping[str, Any]]] = []
        until_s = -math.inf
        for began_s, ended_s, name, known in sorted(ended, key=lambda e: (e[0], e[2])):
            if group and began_s >= until_s:
                yield from self._batch(stream, group, until_s, {})
                group, until_s = [], -math.inf
            group.append((name, known.post or {}))
            until_s = max(until_s, ended_s)
        yield from self._batch(stream, group, until_s, {})


class _Open:
    """A call that has been seen, and not yet its batch."""

    __slots__ = ("agent", "post", "post_s", "pre", "pre_s")

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self.pre: Mapping[str, Any] | None = None
        self.post: Mapping[str, Any] | None = None
        self.pre_s = math.nan
        self.post_s = math.nan

    @property
    def duration_s(self) -> float | None:
        """What the harness says the call itself took."""
        return None if self.post is None else _seconds(self.post.get("duration_ms"))

    @property
    def began_s(self) -> float:
        """When the call began, as well as it is known; `nan` where it is not."""
        if not math.isnan(self.pre_s):
            return self.pre_s
        return self.post_s - (self.duration_s or 0.0)


class _Stream:
    """One agent's batches: the timing of transcripts, and the decisions in force."""

    def __init__(self, session_id: str, agent: str) -> None:
        self.agent = agent
        self.lines = Stream(session_id, agent, inline=True)
        self.decisions: dict[str, Mapping[str, Any]] = {}
        self._result_s: float | None = None

    def decide(self, row: Mapping[str, Any]) -> None:
        """Note a decision; a second one for the same batch changes nothing."""
        kind = str(row.get("operation_type"))
        before = self.decisions.get(kind)
        if before is None or before.get("batch") != row.get("batch"):
            self.decisions[kind] = row

    def finished(self, first: str) -> Iterator[Record | SchemaError]:
        """Give the records of the batch that has just ended, and let go of it."""
        batch = self.lines.batches.pop(first)
        if batch.task_s is None:
            batch.task_s = self._result_s
        self._result_s = batch.last_result_s
        alone = Stream(self.lines.session_id, self.agent, inline=True)
        alone.batches[first] = batch
        for _, row in records_of(alone, ActiveAgents([], {}), lambda key: key):
            yield (
                row if isinstance(row, SchemaError) else KINDS[row["kind"]].of_row(row)
            )


def _call(
    name: str, known: _Open, said: Mapping[str, Any], batch_s: float, *, seen: bool
) -> Call:
    row = {**said, **(known.pre or {}), **(known.post or {})}
    tool = classify_tool(str(row.get("tool")))
    began_s = batch_s if math.isnan(known.began_s) else min(known.began_s, batch_s)
    todos = row.get("todos")
    key = row.get("key")
    if key is None and tool.action == "read":
        key = row.get("place")
    call = Call(
        name,
        tool,
        _moment(began_s),
        todos if isinstance(todos, int) and 0 < todos < MAX_TODOS else 1,
        key if isinstance(key, str) and tool.action is not None else None,
    )
    call.reply = _reply(known, said, batch_s, seen=seen)
    if known.duration_s is not None and not math.isnan(known.pre_s):
        call.begun_s = max(known.pre_s, known.post_s - known.duration_s)
    return call


def _reply(
    known: _Open, said: Mapping[str, Any], batch_s: float, *, seen: bool
) -> Reply | None:
    if known.post is None:
        return _unfired(said, batch_s, seen=seen)
    post = known.post
    if post.get("interrupted") is True:
        return Reply(known.post_s, Outcome.CANCELLED, why=INTERRUPTED)
    if post.get("event") == "PostToolUseFailure":
        return _given_up(str(post.get("ended")), known.post_s)
    if post.get("goes_on") is True:
        return Reply(known.post_s, Outcome.UNKNOWN, goes_on=True)
    spawned = post.get("spawned")
    return Reply(
        known.post_s,
        Outcome.SUCCEEDED,
        agent_id=spawned if isinstance(spawned, str) else None,
        agent_s=_seconds(post.get("totalDurationMs")),
        in_background=post.get("status") in (ASYNC_LAUNCHED, TEAMMATE_SPAWNED),
    )


def _given_up(ended: str, at_s: float) -> Reply:
    why = GIVEN_UP.get(ended)
    if why is None:
        return Reply(at_s, Outcome.FAILED)
    return Reply(at_s, Outcome.CANCELLED, why=why)


def _unfired(said: Mapping[str, Any], batch_s: float, *, seen: bool) -> Reply | None:
    """Say how a call ended for which no event came.

    The harness fires none for calls that were cancelled, rejected or invalid; the
    batch's own words tell the first two. Where events came for none of the batch's
    calls, nothing is known.
    """
    ended = str(said.get("ended"))
    if ended not in (*GIVEN_UP, "failed") and not seen:
        return None
    return _given_up(ended, batch_s)


def _measured(
    record: Record,
    held: Mapping[str, _Open],
    load: Mapping[str, Any],
    active: int,
    stream: _Stream,
) -> Record:
    record = replace(record, source=SOURCE, provenance=Provenance.MEASURED)
    if isinstance(record, Batch):
        record = replace(
            _with_durations(record, held),
            load_cpu=load.get("load_cpu"),
            load_memory=load.get("load_memory"),
            active_agents=active,
        )
        return _with_decision(record, stream.decisions)
    if isinstance(record, CoordinationEvent):
        known = held.get(record.record_id, _Open(stream.agent))
        return replace(
            record,
            duration_s=known.duration_s or record.duration_s,
            has_pre_event=known.pre is not None,
            has_post_event=known.post is not None,
        )
    return record


def _with_durations(batch: Batch, held: Mapping[str, _Open]) -> Batch:
    """Write down what the harness clocked of each call, free of permission waits."""
    took = [known.duration_s for known in held.values()]
    known = [seconds for seconds in took if seconds is not None]
    if len(known) < len(took):
        return batch
    return replace(
        batch, operations_s=sum(known), longest_s=max(known), median_s=median(known)
    )


def _with_decision(batch: Batch, decisions: dict[str, Mapping[str, Any]]) -> Batch:
    """Write down the decision that was in force when the agent chose the size.

    `served` records whether the advice was given and followed; else the agent chose.
    """
    decision = decisions.pop(batch.operation_type, None)
    if decision is None or not isinstance(decision.get("policy"), str):
        return batch
    spoken = decision.get("mode") == "on" and "said" in decision
    followed = spoken and decision.get("recommended") == batch.size
    said = decision.get("propensity")
    propensity = said if isinstance(said, (int, float)) and 0 <= said <= 1 else None
    drawn = followed and propensity is not None and propensity < 1
    return replace(
        batch,
        policy=decision["policy"],
        policy_version=str(decision.get("policy_version")),
        propensity=propensity,
        context_id=_drawn_in(batch, decision) if drawn else None,
        served=_served(spoken=spoken, followed=followed, drawn=drawn),
    )


def _served(*, spoken: bool, followed: bool, drawn: bool) -> Served:
    """Name what became of a decision."""
    if not spoken:
        return Served.SHADOW
    if not followed:
        return Served.DECLINED
    return Served.EXPLORED if drawn else Served.ADVISED


def _drawn_in(batch: Batch, decision: Mapping[str, Any]) -> str | None:
    """Name the context within which a size was drawn by chance and then used.

    Sizes of one session that were drawn in the same cell of the advice table differ by
    chance alone, whatever moved the agent otherwise: they may be compared.
    """
    cell = decision.get("context")
    if not isinstance(cell, str) or len(cell) > MAX_CONTEXT:
        return None
    return f"{batch.session_id}|{cell}"


def _load_sample(first: str, at_s: float, row: Mapping[str, Any]) -> LoadSample | None:
    if not isinstance(row.get("load_cpu"), (int, float)):
        return None
    return LoadSample(
        record_id=record_id("hook-load", first),
        at=_moment(at_s),
        source=SOURCE,
        provenance=Provenance.MEASURED,
        host="local",
        cpu=row["load_cpu"],
        memory=row.get("load_memory"),
    )


def _seconds(milliseconds: object) -> float | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return None
    return milliseconds / 1000 if 0 <= milliseconds < MAX_MS else None


def _moment(seconds: float) -> datetime:
    return EPOCH + timedelta(milliseconds=round(seconds * 1000))
