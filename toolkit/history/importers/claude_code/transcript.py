"""One transcript as it is read: which lines are whose, and what they say.

Every shape of a subagent ends as a separate stream: a file beside or below the
session's whose lines name the agent, progress lines that carry the agent's lines inside
the session's, and the sidechains of older versions, which name no agent and are separated
apart by the line they began with. A subagent that left no lines is known from the call
that spawned it only.

Each call and result counts once: a line that a resumed session repeats changes nothing.

A member of a team has a separate session, whose lines name the team and the member; it
is known by both, as the lead's session names it (`member@team`).
"""

import re
from collections.abc import Iterator
from typing import Any

from toolkit.errors import SchemaError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.claude_code.agents import ActiveAgents
from toolkit.history.importers.claude_code.batches import Whole
from toolkit.history.importers.claude_code.calls import (
    Call,
    Reply,
    read_call,
    read_reply,
    read_time,
)
from toolkit.history.importers.claude_code.lines import (
    AgentLine,
    Block,
    CallProgress,
    Message,
    TranscriptLine,
)
from toolkit.history.importers.claude_code.records import records_of
from toolkit.history.importers.claude_code.streams import MAIN, MessageBatch, Stream
from toolkit.history.importers.claude_code.turns import ModelReply
from toolkit.history.importers.claude_code.waves import Notice, read_notices
from toolkit.history.importers.lines import UnreadableLineError
from toolkit.history.importers.own_operations import OwnOperations
from toolkit.records import (
    identifier,
    is_automatic,
    is_unique_call_id,
    model_name,
)

__all__ = ["Transcript"]

SYNTHETIC = "<synthetic>"
"""Model of the messages that the harness writes itself, for instance after an error."""

BOOKKEEPING = frozenset(
    [
        "agent-color",
        "agent-name",
        "agent-setting",
        "ai-title",
        "attachment",
        "attribution-snapshot",
        "bridge-session",
        "content-replacement",
        "custom-title",
        "file-history-snapshot",
        "frame-link",
        "last-prompt",
        "mode",
        "permission-mode",
        "pr-link",
        "relocated",
        "summary",
        "tag",
        "task-summary",
        "worktree-state",
    ]
)
"""Types of lines that hold nothing for us; some name no session."""

TYPE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""What the type of a line looks like, so that it can be counted by its name."""

IDLE = re.compile(r'teammate_id="([^"]{1,100})"[^<]{0,200}"idle_notification"')
"""How the notice of a team mate begins that has nothing more to do."""

LEADS = frozenset({"", "lead", "team-lead"})
"""What the session that began a team calls itself in it."""

READ = frozenset({"assistant", "user", "progress", "queue-operation", "system"})
"""Types of lines that say something about calls, their results or people."""


class Transcript:
    """Takes the lines of one file and gives its records.

    Parameters
    ----------
    sink : ImportSink
        For keyed hashes and counts.
    alias : str, optional
        How its session names the agent whose file this is, where not by the agent's id.
    operations : OwnOperations, optional
        What a team says of its tools.
    """

    def __init__(
        self,
        sink: ImportSink,
        alias: str | None = None,
        operations: OwnOperations | None = None,
    ) -> None:
        self.recognised = False
        self.first_session: str | None = None
        self.sessions: set[str] = set()
        self._sink = sink
        self._mode: str | None = None
        self._streams: dict[tuple[str, str], Stream] = {}
        self._calls: dict[str, Call] = {}
        self._early: dict[str, Reply] = {}
        self._begun: dict[str, float] = {}
        self._prompts: set[str] = set()
        self._sidechains: dict[str, str] = {}
        self._notices: dict[str, Notice] = {}
        self._session_ids: dict[str, str] = {}
        self._clean: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._project: str | None = None
        self._alias = alias
        self._operations = operations

    def take(self, number: int, line: TranscriptLine) -> None:
        """Read one line.

        Raises
        ------
        UnreadableLineError
            A field is missing or of a wrong type.
        """
        kind, written = line.type, line.session_id
        if kind.__class__ is not str:
            raise UnreadableLineError("not a line of a transcript", field="type")
        if kind not in READ:
            if kind in BOOKKEEPING:
                self.recognised = True
            else:
                self._pass_over(kind, line)
            return
        if written.__class__ is not str or not written:
            raise UnreadableLineError("not an id", field="sessionId")
        session = self._session_ids.get(written) or self._session(written)
        if kind == "assistant":
            self._issue(number, line, line.message, self._stream(line, session), line)
        elif kind == "user":
            self._user(line, session)
        elif kind == "progress":
            self._progress(number, line, session)
        elif kind == "queue-operation":
            self._queue(line)
        self.recognised = True

    def _pass_over(self, kind: str, line: TranscriptLine) -> None:
        """Count a line of a kind that holds no message, whatever it is about.

        Newer versions write new kinds every few weeks. A line that names its session,
        or that follows one of a transcript, is the harness's own bookkeeping.
        """
        written = line.session_id
        if line.has_message() and not isinstance(written, str):
            raise UnreadableLineError("not an id", field="sessionId")
        if isinstance(written, str) and written:
            self.recognised = True
        elif not self.recognised:
            raise UnreadableLineError("not a line of a transcript", field="type")
        name = kind if TYPE.fullmatch(kind) else "another type"
        self._sink.pass_over(f"line {name}")

    def follow(self, *, ends: bool = False) -> None:
        """Follow the data flow of the lines so far, and let go of their texts.

        Parameters
        ----------
        ends : bool
            There are no other lines, which makes it cheaper; see `DeferredFlow`.
        """
        for stream in self._streams.values():
            stream.flow.follow(ends=ends)

    def records(self) -> Iterator[tuple[int, dict[str, Any] | SchemaError]]:
        """Give what all lines say, once they have been taken; see `records_of`."""
        self.follow(ends=True)
        for name, begun_s in self._begun.items():
            call = self._calls.get(name)
            if call is not None:
                call.begun_s = begun_s
        spawns = (c for c in self._calls.values() if c.tool.action == "spawn")
        ends = {name: notice.end_s for name, notice in self._notices.items()}
        agents = ActiveAgents(spawns, ends)
        for stream in self._streams.values():
            yield from records_of(
                stream, agents, self._sink.hidden, Whole(self._project, self._notices)
            )

    def streams(self) -> Iterator[str]:
        """Name every subagent stream, within its session."""
        for stream in self._streams.values():
            if stream.agent_id != MAIN:
                yield f"{stream.session_id}/{stream.agent_id}"

    def _session(self, written: str) -> str:
        """Note a session when it is first named."""
        session = self._session_ids[written] = self._identifier(written)
        self.sessions.add(session)
        self.first_session = self.first_session or session
        return session

    def _user(self, line: TranscriptLine, session: str) -> None:
        stream = self._stream(line, session)
        if isinstance(line.permission_mode, str):
            self._mode = line.permission_mode
        self._answer(line, line.message, stream, line)

    def _progress(self, number: int, line: TranscriptLine, session: str) -> None:
        data = line.data
        if not isinstance(data, CallProgress):
            raise UnreadableLineError("not an object", field="data")
        if data.type == "bash_progress":
            self._shell_progress(line, data, session)
        elif data.type == "agent_progress":
            agent = data.agent_id
            if not isinstance(agent, str) or not agent:
                raise UnreadableLineError("not an id", field="data.agentId")
            inner = data.message
            if not isinstance(inner, AgentLine):
                raise UnreadableLineError("not an object", field="data.message")
            stream = self._named(session, self._identifier(agent), inline=True)
            inner.timestamp = inner.timestamp or line.timestamp
            if inner.type == "assistant":
                self._issue(number, inner, inner.message, stream, line)
            elif inner.type == "user":
                self._answer(inner, inner.message, stream, None)

    def _issue(
        self,
        number: int,
        line: TranscriptLine | AgentLine,
        message: object,
        stream: Stream,
        outer: TranscriptLine,
    ) -> None:
        """Read an assistant's line: a block of a reply, and the calls in it.

        Parameters
        ----------
        number : int
        line : TranscriptLine or AgentLine
            The agent's own line.
        message : object
            Of that line.
        stream : Stream
        outer : TranscriptLine
            The line of the file, which says where it was written.
        """
        if not isinstance(message, Message):
            raise UnreadableLineError("not an object", field="message")
        blocks: Any = message.content
        if blocks.__class__ is not list:
            if not isinstance(blocks, str):
                raise UnreadableLineError("not a list", field="message.content")
            blocks = ()
        for block in blocks:
            if block.__class__ is not Block:
                raise UnreadableLineError("not an object", field="message.content")
        reply = self._model_reply(number, line, message, stream, outer)
        for block in blocks:
            if block.type == "tool_use":
                call, texts = read_call(block, read_time(line.timestamp), outer.cwd)
                if self._operations is not None:
                    own = self._operations.find(str(block.name))
                    if own is not None:
                        call.tool = call.tool._replace(**own._asdict())
                call.scope = _scope(outer, line, stream)
                if self._is_new(call):
                    batch = self._batch(number, line, message, stream, outer)
                    batch.turn = reply
                    if reply is not None:
                        reply.calls += 1
                    stream.flow.call(call, block.input, texts)
                    batch.calls.append(call)
            elif isinstance(block.text, str):
                stream.flow.say(block.text)

    def _model_reply(
        self,
        number: int,
        line: TranscriptLine | AgentLine,
        message: Message,
        stream: Stream,
        outer: TranscriptLine,
    ) -> ModelReply | None:
        """Find the reply that a line belongs to, or begin it; `None` for no model's."""
        model, own, request = message.model, message.id, line.request_id
        if model == SYNTHETIC:
            self._sink.pass_over("message of the harness")
            return None
        if own.__class__ is not str or not own:
            own = str(own or _message_id(message, line))
        name = own, request if isinstance(request, str) else ""
        reply = stream.replies.get(name)
        if reply is None:
            folder, branch = outer.cwd, outer.git_branch
            if self._project is None and isinstance(folder, str):
                self._project = self._sink.hidden(folder)
            known = isinstance(branch, str) and branch
            reply = stream.reply(
                name,
                number,
                read_time(line.timestamp),
                model=self._name(model),
                version=self._name(outer.version),
                branch=self._sink.hidden(f"branch {branch}") if known else None,
            )
        if message.usage is not None:
            reply.counts = message.usage
        return reply

    def _is_new(self, call: Call) -> bool:
        """Note a call, unless it is one that was seen before."""
        name = _call_name(call.call_id, call.scope)
        again = self._calls.get(name)
        if again is not None:
            if not _has_ended(again, call.start_s):
                again.todos = max(again.todos, call.todos)
                return False
            call.nth = again.nth + 1
        self._calls[name] = call
        call.reply = self._early.pop(name, None)
        return True

    def _batch(
        self,
        number: int,
        line: TranscriptLine | AgentLine,
        message: Message,
        stream: Stream,
        outer: TranscriptLine,
    ) -> MessageBatch:
        """Find the batch of a message, or begin it."""
        message_id = _message_id(message, line)
        return stream.batches.get(message_id) or stream.begin(
            message_id,
            number,
            mode=self._mode,
            model=self._name(message.model),
            version=self._name(outer.version),
        )

    def _answer(
        self,
        line: TranscriptLine | AgentLine,
        message: object,
        stream: Stream,
        outer: TranscriptLine | None,
    ) -> None:
        """Read the results of a user's line, or note that a person wrote it.

        Parameters
        ----------
        line : TranscriptLine or AgentLine
            The agent's own line.
        message : object
            Of that line.
        stream : Stream
        outer : TranscriptLine or None
            The line of the file, where that is the same.
        """
        if not isinstance(message, Message):
            raise UnreadableLineError("not an object", field="message")
        content: Any = message.content
        if isinstance(content, list):
            answered = False
            for block in content:
                if block.__class__ is Block and block.type == "tool_result":
                    self._result(block, line, stream, outer)
                    answered = True
            if answered:
                return
        elif not isinstance(content, str):
            raise UnreadableLineError(
                "neither a text nor a list", field="message.content"
            )
        self._prompt(line, _texts(content), stream, outer)

    def _prompt(
        self,
        line: TranscriptLine | AgentLine,
        texts: list[str],
        stream: Stream,
        outer: TranscriptLine | None,
    ) -> None:
        """Read a user's line without results: a person's, or a notice."""
        written = line.uuid
        uuid = written if isinstance(written, str) else None
        first = texts[0] if texts else ""
        for name in IDLE.findall(first):
            at_s = read_time(line.timestamp).timestamp()
            before = self._notices.get(name)
            self._notices[name] = Notice(at_s, completed=True, before=before)
        if uuid in self._prompts:
            return
        for text in texts:
            stream.flow.write(text)
        if not _is_person(outer, first):
            return
        if uuid is not None:
            self._prompts.add(uuid)
        stream.prompt(read_time(line.timestamp).timestamp())

    def _result(
        self,
        block: Block,
        line: TranscriptLine | AgentLine,
        stream: Stream,
        outer: TranscriptLine | None,
    ) -> None:
        call_id = block.tool_use_id
        if not isinstance(call_id, str):
            raise UnreadableLineError("not an id", field="tool_result.tool_use_id")
        reply = read_reply(block, read_time(line.timestamp), line.tool_use_result)
        name = _call_name(call_id, _scope(outer, line, stream))
        stream.answered(reply.end_s)
        call = self._calls.get(name)
        if call is None:
            self._early.setdefault(name, reply)
        elif call.reply is None:
            call.reply = reply
            call.result_characters = stream.flow.result(block.content)

    def _shell_progress(
        self, line: TranscriptLine, data: CallProgress, session: str
    ) -> None:
        """Note when a command began: when it reports, less what it says has passed."""
        call_id, passed_s = line.parent_tool_use_id, data.elapsed_time_seconds
        if not isinstance(call_id, str):
            return
        agent = line.agent_id
        named = self._identifier(agent) if isinstance(agent, str) else MAIN
        name = _call_name(call_id, f"{session}/{named}")
        if name in self._begun:
            return
        if isinstance(passed_s, (int, float)) and 0 <= passed_s < 1e9:
            at = read_time(line.timestamp)
            self._begun[name] = at.timestamp() - passed_s

    def _queue(self, line: TranscriptLine) -> None:
        """Note the end of an agent in the background, which a notice tells of."""
        content = line.content
        if isinstance(content, str) and "<task-id>" in content:
            at_s = read_time(line.timestamp).timestamp()
            for agent_id, notice in read_notices(content, at_s):
                self._notices.setdefault(agent_id, notice)

    def _stream(self, line: TranscriptLine, session: str) -> Stream:
        """Find whose line it is."""
        agent = line.agent_id
        if agent is None:
            if line.is_sidechain is not True:
                name = MAIN if line.team_name is None else self._member(line)
                main = self._streams.get((session, name))
                return main or self._named(session, name, inline=False)
            agent = self._sidechain(line)
        if not isinstance(agent, str) or not agent:
            raise UnreadableLineError("not an id", field="agentId")
        if self._alias is not None:
            agent = self._alias
        return self._named(session, self._identifier(agent), inline=False)

    def _member(self, line: TranscriptLine) -> str:
        """Name the member of a team that wrote a line; its lead is a session's thread."""
        team, name = line.team_name, line.agent_name
        if not isinstance(team, str) or not isinstance(name, str) or name in LEADS:
            return MAIN
        return self._identifier(f"{name}@{team}") if team and name else MAIN

    def _named(self, session: str, agent: str, *, inline: bool) -> Stream:
        stream = self._streams.get((session, agent))
        if stream is None:
            stream = Stream(session, agent, inline=inline)
            self._streams[session, agent] = stream
        return stream

    def _sidechain(self, line: TranscriptLine) -> str:
        """Name an agent that has no name by the line its sidechain began with."""
        uuid, parent = str(line.uuid), line.parent_uuid
        root = self._sidechains.get(str(parent), uuid)
        self._sidechains[uuid] = root
        return root

    def _identifier(self, text: str) -> str:
        """Keep what looks like an id, hide what does not."""
        clean = self._clean.get(text)
        if clean is None:
            clean = self._clean[text] = identifier(text, self._sink.hidden)
        return clean

    def _name(self, text: object) -> str | None:
        """Keep the name of a model or a version; `<synthetic>` and texts are none."""
        if not isinstance(text, str):
            return None
        name = self._names.get(text)
        if name is None:
            name = self._names[text] = model_name(text) or ""
        return name or None


def _is_person(line: TranscriptLine | None, first_text: str) -> bool:
    """Whether a person, or who gave a subagent its task, wrote a user's line.

    Notices of tasks, messages of team mates, output of hooks and prompts on a schedule
    come as lines of the user as well; since 2.1.2xx they name their origin.
    """
    if line is not None:
        if line.is_meta or line.is_compact_summary:
            return False
        origin = line.origin
        kind = origin.get("kind") if isinstance(origin, dict) else origin
        if isinstance(kind, str) and kind not in ("human", "user"):
            return False
    return not is_automatic(first_text)


def _texts(content: Any) -> list[str]:
    """List the texts of a message's content; see `block_texts`."""
    if isinstance(content, str):
        return [content]
    return [
        block.text
        for block in content
        if block.__class__ is Block and isinstance(block.text, str)
    ]


def _message_id(message: Message, line: TranscriptLine | AgentLine) -> str:
    """Find what the lines of one message share; a line without it stands alone.

    Some proxies give every answer the same id, so the request's is part of it: in
    15,803 messages of real history no message had two.
    """
    own, request = message.id, line.request_id
    if own.__class__ is str and own:
        return f"{own}/{request}" if request.__class__ is str and request else own
    for value in (request, line.uuid):
        if isinstance(value, str) and value:
            return value
    raise UnreadableLineError("not an id", field="message.id")


def _call_name(call_id: str, scope: str) -> str:
    """Name a call while the file is read: its record's id, without the digest."""
    return call_id if is_unique_call_id(call_id) else f"{scope}/{call_id}"


def _scope(
    outer: TranscriptLine | None, line: TranscriptLine | AgentLine, stream: Stream
) -> str:
    """Name where a call id is unique: a fork repeats those of the session it left."""
    session = stream.session_id
    if outer is line and outer.forked_from is not None:
        origin = outer.forked_from
        forked = origin.get("sessionId") if isinstance(origin, dict) else None
        session = forked if isinstance(forked, str) else session
    return f"{session}/{stream.agent_id}"


def _has_ended(call: Call, at_s: float) -> bool:
    """Whether a call had its result by then: what begins later is another one."""
    return call.reply is not None and call.reply.end_s < at_s
