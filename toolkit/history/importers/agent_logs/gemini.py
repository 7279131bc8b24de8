"""Reads the chats of Gemini CLI, as one document or as a log of changes.

All calls of a reply carry one time: the end of the whole batch, with what a person took
inside it. No call has separate times, and none are made up.

The log of changes is one of what the model sees. Where a person goes back (`$rewindTo`),
the replies from there on were paid all the same: they stay as turns, and their batches
are left out. Where the client puts shorter messages in their place, both stay.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.agent_logs.following import follow_reply
from toolkit.history.importers.agent_logs.log import (
    AgentCall,
    AgentLog,
    AgentReply,
    parse_iso_time,
    text_or_none,
)
from toolkit.history.importers.agent_logs.results import exit_code
from toolkit.history.importers.agent_logs.source import (
    AgentLogSource,
    rows_of,
    whole_document,
)
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.lines import (
    UnreadableLineError,
    decode_object,
    read_lines,
    reason_of,
)
from toolkit.history.importers.texts import text_length, texts_of
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Outcome

__all__ = ["GeminiSource"]

ENDS = {
    "success": Outcome.SUCCEEDED,
    "error": Outcome.FAILED,
    "cancelled": Outcome.CANCELLED,
}


class GeminiSource(AgentLogSource):
    """Reads `chats/session-*.json` and `.jsonl`, gzipped or not; see the module.

    Examples
    --------
    >>> GeminiSource().name
    'gemini'
    """

    name = "gemini"

    def is_log(self, path: Path) -> bool:
        """Whether it is a chat, of a session or of one of its agents."""
        named = path.name.removesuffix(".gz")
        return "chats" in path.parts and named.endswith((".json", ".jsonl"))

    def logs(self, path: Path, sink: ImportSink) -> Iterator[AgentLog]:
        """Read one chat.

        Raises
        ------
        InputDataError
            It names no session and no project.
        """
        changes = _Changes()
        if _is_lines(path):
            for _, row, _ in rows_of(path, sink):
                changes.take(row)
        else:
            changes.take(whole_document(path, sink))
        session = changes.header.get("sessionId")
        if not isinstance(session, str) or "projectHash" not in changes.header:
            raise InputDataError("no chat of Gemini CLI", file=path)
        log = _log(session, str(changes.header["projectHash"]), changes, sink)
        _name_agent(log, path, changes.header.get("kind"))
        yield log


def _is_lines(path: Path) -> bool:
    """Whether each line is an object; a document may have any name."""
    for _, line in read_lines(path):
        if line is not None and line.strip():
            try:
                return bool(decode_object(line))
            except UnreadableLineError:
                return False
    return False


class _Changes:
    """Replays a log of changes: a message comes again whole whenever it changes.

    Attributes
    ----------
    header : dict
    rewound : set of str
        Ids of messages before which a person went back.
    """

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self.rewound: set[str] = set()
        self._messages: dict[str, dict[str, Any]] = {}
        self._context: dict[str, None] = {}

    @property
    def messages(self) -> Iterable[dict[str, Any]]:
        """Every message as it was last, in the order in which they were first seen."""
        return self._messages.values()

    def take(self, row: dict[str, Any]) -> None:
        """Take one line."""
        changed, target = row.get("$set"), row.get("$rewindTo")
        if isinstance(changed, dict):
            self._merge(changed)
        elif isinstance(target, str):
            self._rewind(target)
        elif "type" not in row and "$rewindTo" not in row:
            self._merge(row)
        elif isinstance(row.get("id"), str):
            self._put(row)

    def _merge(self, changed: dict[str, Any]) -> None:
        rebuilt = changed.get("messages")
        self.header |= {k: v for k, v in changed.items() if k != "messages"}
        if not isinstance(rebuilt, list):
            return
        self._context.clear()
        written = {_written(known) for known in self._messages.values()}
        for number, message in enumerate(rebuilt):
            if not isinstance(message, dict):
                continue
            named = {"id": f"message {number}", **message}
            # under a new id it may be a copy of one that was written before
            if str(named["id"]) in self._messages or _written(named) not in written:
                self._put(named)

    def _put(self, message: dict[str, Any]) -> None:
        name = str(message["id"])
        self._context[name] = None
        self._messages[name] = message

    def _rewind(self, target: str) -> None:
        """Go back to before a message; to before all where it is not known."""
        names = list(self._context)
        kept = names.index(target) if target in self._context else 0
        for name in names[kept:]:
            del self._context[name]
            self.rewound.add(name)


def _written(message: dict[str, Any]) -> str:
    """Write what a copy of a message shares with it."""
    return " ".join(str(message.get(key)) for key in ("type", "timestamp", "tokens"))


def _name_agent(log: AgentLog, path: Path, kind: object) -> None:
    """Give a chat below another's folder to that session: an agent wrote it."""
    above = path.parent
    if above.name == "chats" or above.parent.name != "chats":
        return
    own = log.session_id if log.session_id != above.name else path.name.split(".")[0]
    if kind in (None, "subagent"):
        log.session_id = above.name
        for reply in log.replies:
            reply.agent_id = own


def _log(session: str, project: str, changes: _Changes, sink: ImportSink) -> AgentLog:
    log = AgentLog(
        session_id=session,
        client="gemini-cli",
        folder=project,
        own_times=False,
        asks_unseen=True,
    )
    since_s: float | None = None
    prompted = False
    flow = DeferredFlow()
    if changes.rewound:
        sink.pass_over("message that a person went back before", len(changes.rewound))
    for message in changes.messages:
        try:
            at = parse_iso_time(message.get("timestamp"))
            if message.get("type") == "user":
                since_s, prompted = at.timestamp(), True
                for text in texts_of(message.get("content")):
                    flow.write(text)
            elif message.get("type") == "gemini":
                reply = _reply(message, since_s, prompted=prompted)
                reply.rewound = reply.reply_id in changes.rewound
                if not reply.rewound:
                    items = _items(message)
                    follow_reply(
                        flow,
                        reply.calls,
                        texts=texts_of(message.get("content")),
                        given=[item.get("args") for item in items],
                        results=[t for i in items for t in texts_of(i.get("result"))],
                    )
                log.replies.append(reply)
                since_s, prompted = reply.end_s or at.timestamp(), False
        except UnreadableLineError as error:
            sink.reject(1, reason_of(error))
    flow.follow(ends=True)
    return log


def _reply(
    message: dict[str, Any], since_s: float | None, *, prompted: bool
) -> AgentReply:
    tokens, model = message.get("tokens"), message.get("model")
    tokens = tokens if isinstance(tokens, dict) else {}
    reply = AgentReply(
        str(message.get("id")),
        parse_iso_time(message.get("timestamp")),
        model=text_or_none(model),
        since_s=since_s,
        prompted=prompted,
        usage=TokenUsage.with_cached_inside(
            fresh_and_cached=tokens.get("input"),
            cached=tokens.get("cached"),
            output=tokens.get("output"),
            reasoning=tokens.get("thoughts"),
            reasoning_beside=True,
        ),
    )
    reply.calls = [_call(item, reply) for item in _items(message)]
    return reply


def _items(message: dict[str, Any]) -> list[dict[str, Any]]:
    listed = message.get("toolCalls")
    items = listed if isinstance(listed, list) else []
    return [item for item in items if isinstance(item, dict)]


def _call(item: dict[str, Any], reply: AgentReply) -> AgentCall:
    given = item.get("args")
    texts = texts_of(item.get("result"))
    call = AgentCall.begun(
        str(item.get("id")), item.get("name"), given, reply.at.timestamp()
    )
    call.outcome = ENDS.get(str(item.get("status")), Outcome.UNKNOWN)
    call.result_characters = sum(map(text_length, texts))
    if call.outcome is Outcome.CANCELLED:
        call.why = "refused"
    if any(exit_code(text) not in (0, None) for text in texts):
        call.outcome = Outcome.FAILED
    if item.get("timestamp") is not None and call.outcome is not Outcome.UNKNOWN:
        reply.ended(parse_iso_time(item["timestamp"]).timestamp())
    return call
