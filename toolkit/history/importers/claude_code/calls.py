"""One tool call of a transcript, and the result that answers it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from toolkit.errors import MissingExtraError
from toolkit.history.importers.claude_code.lines import Block, Details
from toolkit.history.importers.claude_code.tools import (
    ASYNC_LAUNCHED,
    TEAMMATE_SPAWNED,
    ToolClass,
    classify_tool,
)
from toolkit.history.importers.flow import CallFlow
from toolkit.history.importers.lines import UnreadableLineError
from toolkit.history.importers.texts import text_length, texts_of
from toolkit.records import Outcome, call_record_id

try:
    from msgspec import Struct
except ImportError as error:
    raise MissingExtraError("an import", "history") from error

__all__ = [
    "INTERRUPTED",
    "REFUSED",
    "SIBLING",
    "Call",
    "Reply",
    "read_call",
    "read_reply",
    "read_time",
]

SIBLING: Final = "sibling"
REFUSED: Final = "refused"
INTERRUPTED: Final = "interrupted"

MARKERS = {
    INTERRUPTED: ("[Request interrupted by user",),
    REFUSED: ("The user doesn't want to", "User rejected tool use"),
    SIBLING: ("Sibling tool call errored", "Cancelled: parallel tool call"),
}
"""Why a call was given up that did not fail itself, and how the harness words it: a
person stopped it while it was at work, a person did not allow it, or another call of
its message failed."""

ALL_MARKERS = tuple(words for markers in MARKERS.values() for words in markers)
ERRORS = ("Error:", *ALL_MARKERS)
SUCCEEDED = Outcome.SUCCEEDED

MAX_WORKED_MS = 1e12
"""Thirty years: what is longer is not a duration."""

LOOKED_AT = 400
"""Characters of a failed call's text in which those words are looked for."""

_KEY_FIELDS = ("file_path", "notebook_path", "path", "key", "to", "recipient")


class Call:
    """One tool call, as far as it has been seen; times are seconds since 1970.

    Attributes
    ----------
    call_id : str
    tool : ToolClass
    at : datetime
        When the call was written.
    start_s : float
    todos : int
        Items in a todo list, else 1.
    key : str or None
        The file, memory key or recipient it is about. Held while the file is read,
        stored as a keyed hash only.
    characters : int or None
        Length of its arguments' texts.
    flow : CallFlow or None
        What it took from the results before it; unknown for a first batch and where
        those results hold no identifier.
    result_characters : int or None
        Length of its result's text.
    begun_s : float or None
        When its execution was seen to begin (shell commands report progress).
    scope : str
        Session and agent within which its id is unique.
    nth : int
        How many calls of the same id came before it there, each with its result.
    reply : Reply or None
        Its result, once seen.
    """

    __slots__ = (
        "at",
        "begun_s",
        "call_id",
        "characters",
        "flow",
        "key",
        "nth",
        "reply",
        "result_characters",
        "scope",
        "start_s",
        "todos",
        "tool",
    )

    def __init__(
        self,
        call_id: str,
        tool: ToolClass,
        at: datetime,
        todos: int,
        key: str | None,
        *,
        characters: int | None = None,
    ) -> None:
        self.call_id = call_id
        self.tool = tool
        self.at = at
        self.start_s = at.timestamp()
        self.todos = todos
        self.key = key
        self.characters = characters
        self.flow: CallFlow | None = None
        self.result_characters: int | None = None
        self.begun_s: float | None = None
        self.scope = ""
        self.nth = 0
        self.reply: Reply | None = None

    @property
    def record_id(self) -> str:
        """Identity of what began with this call."""
        return call_record_id(self.call_id, scope=self.scope, nth=self.nth)

    @property
    def duration_s(self) -> float | None:
        """Seconds from call to result; `None` without one."""
        return None if self.reply is None else self.reply.end_s - self.start_s


class Reply(Struct, frozen=True):
    """The result of a call.

    Attributes
    ----------
    end_s : float
        Seconds since 1970.
    outcome : Outcome
    why : str
        `sibling`, `refused` or `interrupted` for a call that was given up.
    goes_on : bool
        Its command goes on in the background, so neither its end nor its cost is known.
    agent_id : str or None
        The subagent that the call spawned.
    agent_s : float or None
        How long the harness says that subagent worked, in seconds.
    in_background : bool
        The subagent goes on after this result.
    is_teammate : bool
        It is a member of a team, with a separate session.
    agent_tokens, agent_calls : int or None
        What the harness says that the subagent used; its tokens are those of its last
        request.
    """

    end_s: float
    outcome: Outcome
    why: str = ""
    agent_id: str | None = None
    agent_s: float | None = None
    in_background: bool = False
    goes_on: bool = False
    is_teammate: bool = False
    agent_tokens: int | None = None
    agent_calls: int | None = None

    @property
    def by_person(self) -> bool:
        """A person refused or interrupted the call."""
        return self.why in (REFUSED, INTERRUPTED)


def read_time(value: object) -> datetime:
    """Read a line's timestamp.

    Raises
    ------
    UnreadableLineError
        Unless it is an ISO time with a zone.

    Examples
    --------
    >>> read_time("2026-01-27T23:13:36.582Z")
    datetime.datetime(2026, 1, 27, 23, 13, 36, 582000, tzinfo=datetime.timezone.utc)
    """
    try:
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]  # checked by trying
    except (TypeError, ValueError) as error:
        raise UnreadableLineError("not a time", field="timestamp") from error
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise UnreadableLineError("a time without its zone", field="timestamp")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise UnreadableLineError("not a time", field="timestamp") from error


def read_call(block: Block, at: datetime, cwd: object) -> tuple[Call, list[str]]:
    """Read a `tool_use` block.

    Returns
    -------
    call : Call
    texts : list of str
        Of its arguments.

    Raises
    ------
    UnreadableLineError
        Without an id or a name, or with one that is not a string.
    """
    call_id, name, given = block.id, block.name, block.input
    if not isinstance(call_id, str) or not call_id:
        raise UnreadableLineError("not an id", field="tool_use.id")
    if not isinstance(name, str) or not name:
        raise UnreadableLineError("not a name", field="tool_use.name")
    tool = classify_tool(name)
    if not isinstance(given, dict):
        given = {}
    todos = 1
    if name == "TodoWrite":
        listed = given.get("todos")
        todos = max(len(listed), 1) if isinstance(listed, list) else 1
    key = None
    if tool.action is not None:
        key = _key(given)
        if key is None and tool.action == "read" and isinstance(cwd, str):
            key = cwd
    texts = texts_of(given)
    characters = sum(map(text_length, texts))
    return Call(call_id, tool, at, todos, key, characters=characters), texts


def _key(given: Mapping[str, Any]) -> str | None:
    for field in _KEY_FIELDS:
        value = given.get(field)
        if isinstance(value, str) and value:
            space = given.get("namespace")
            return f"{space}:{value}" if isinstance(space, str) else value
    return None


def read_reply(block: Block, at: datetime, details: object) -> Reply:
    """Read a `tool_result` block and the `toolUseResult` beside it.

    An error flag alone is not believed: some failures carry none, and a call that was
    given up for a sibling carries one though it did not fail itself. Words count only
    where the harness wrote them: in a result with the flag, or at its very beginning.
    """
    end_s = at.timestamp()
    given = details if isinstance(details, Details) else None
    if given is not None and given.interrupted is True:
        return Reply(end_s, Outcome.CANCELLED, why=INTERRUPTED)
    text = _text(block.content)
    said = details if isinstance(details, str) else ""
    if not _is_error(block, text, said):
        return _success(end_s, given)
    for why, markers in MARKERS.items():
        if any(words in text for words in markers):
            return Reply(end_s, Outcome.CANCELLED, why=why)
    return Reply(end_s, Outcome.FAILED)


def _is_error(block: Block, text: str, said: str) -> bool:
    """Whether the harness itself says that a call did not succeed."""
    if block.is_error or text.startswith("<tool_use_error>"):
        return True
    if not said.startswith(ERRORS):
        return False
    return said.startswith("Error:") or text.startswith(ALL_MARKERS)


def _success(end_s: float, details: Details | None) -> Reply:
    if details is None:
        return Reply(end_s, SUCCEEDED)
    if details.background_task_id:
        return Reply(end_s, Outcome.UNKNOWN, goes_on=True)
    agent_id = details.agent_id or details.teammate_id
    if not isinstance(agent_id, str):
        return Reply(end_s, SUCCEEDED)
    worked_ms: Any = details.total_duration_ms
    known = type(worked_ms) in (int, float) and 0 <= worked_ms < MAX_WORKED_MS
    return Reply(
        end_s,
        SUCCEEDED,
        agent_id=agent_id,
        agent_s=worked_ms / 1000 if known else None,
        in_background=details.status in (ASYNC_LAUNCHED, TEAMMATE_SPAWNED),
        is_teammate=details.status == TEAMMATE_SPAWNED,
        agent_tokens=_count(details.total_tokens),
        agent_calls=_count(details.total_tool_use_count),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < MAX_WORKED_MS else None


def _text(content: object) -> str:
    """Read the beginning of a result's text, whatever its shape."""
    if isinstance(content, str):
        return content[:LOOKED_AT]
    if isinstance(content, list):
        for block in content:
            if isinstance(block, dict) and isinstance(block.get("text"), str):
                return str(block["text"])[:LOOKED_AT]
    return ""
