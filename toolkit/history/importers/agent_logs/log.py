"""What every reader gives: the replies of one agent in one session, in normal form."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers.agent_logs.operations import (
    Operation,
    classify_call,
)
from toolkit.history.importers.flow import CallFlow
from toolkit.history.importers.lines import UnreadableLineError
from toolkit.history.importers.texts import text_length, texts_of
from toolkit.history.importers.usage import TokenUsage
from toolkit.records import Outcome

__all__ = [
    "MAIN",
    "AgentCall",
    "AgentLog",
    "AgentReply",
    "SpawnedAgent",
    "moment_ms",
    "money_or_none",
    "parse_iso_time",
    "text_or_none",
]

MAIN = "main"
"""Agent id of a session's own thread."""

NO_USAGE = TokenUsage()

MAX_USD = 1e300
"""An amount that is larger is an error, whatever it was meant to be."""

MAX_MS = 32_503_680_000_000
"""The year 3000, in milliseconds since 1970."""


@dataclass(slots=True)
class SpawnedAgent:
    """What a client says of the agent that a call began.

    Attributes
    ----------
    agent_id : str or None
        As the agent's own replies name it.
    background : bool
        The call returned when the agent began; else its result is the agent's.
    outcome : Outcome
        `UNKNOWN` until the client says that it ended.
    end_s, worked_s : float or None
        When it ended (seconds since 1970), and how long it worked.
    tokens, calls : int or None
        What the client says that it used.
    """

    agent_id: str | None = None
    background: bool = False
    outcome: Outcome = Outcome.UNKNOWN
    end_s: float | None = None
    worked_s: float | None = None
    tokens: int | None = None
    calls: int | None = None


@dataclass(slots=True)
class AgentCall:
    """One tool call; times are seconds since 1970.

    Attributes
    ----------
    call_id : str
    operation : Operation
    start_s : float
    end_s : float or None
        Its own end, where the client records one.
    outcome : Outcome
        `UNKNOWN` until its result is seen.
    why : str
        `refused` or `interrupted` for a call that was given up.
    background : bool
        It returned while its work went on.
    waiting_s : float
        Time inside it that a person took, where the client records it.
    characters, result_characters : int or None
    flow : CallFlow or None
        What it took from the results before it.
    agent : SpawnedAgent or None
        The agent that it began, as far as the client says.
    tool : str
    word : str or None
        Name of the tool, and first word of a shell's command: they decide the class
        and are not stored.
    """

    call_id: str
    operation: Operation
    start_s: float
    end_s: float | None = None
    outcome: Outcome = Outcome.UNKNOWN
    why: str = ""
    background: bool = False
    waiting_s: float = 0.0
    characters: int | None = None
    result_characters: int | None = None
    flow: CallFlow | None = None
    agent: SpawnedAgent | None = None
    tool: str = ""
    word: str | None = None

    @property
    def at(self) -> datetime:
        """When it began."""
        return datetime.fromtimestamp(self.start_s, UTC)

    def spawned(self) -> SpawnedAgent:
        """Give what is known of the agent that it began."""
        if self.agent is None:
            self.agent = SpawnedAgent()
        return self.agent

    @classmethod
    def begun(
        cls,
        call_id: str,
        tool: object,
        given: Any,
        start_s: float,
        texts: Sequence[str] | None = None,
    ) -> "AgentCall":
        """Begin a call of a tool with some arguments; a shell's command decides too.

        Parameters
        ----------
        call_id : str
        tool, given : object
            Its name, and its arguments.
        start_s : float
        texts : sequence of str, optional
            The texts in the arguments, where they are at hand.
        """
        command = None
        if given.__class__ is dict:
            command = given.get("cmd") or given.get("command")
        name = tool if tool.__class__ is str else str(tool)
        operation, word = classify_call(name, command)
        return cls(
            call_id,
            operation,
            start_s,
            characters=sum(
                [
                    text_length(text)
                    for text in (texts_of(given) if texts is None else texts)
                ]
            ),
            tool=name,
            word=word,
        )


@dataclass(slots=True)
class AgentReply:
    """One reply of a model.

    Attributes
    ----------
    reply_id : str
        Unique within the session.
    at : datetime
        When its first block was written.
    since_s : float or None
        When the last result or prompt before it was written.
    prompted : bool
        A person wrote since the reply before.
    end_s : float or None
        When the last result of its calls came.
    cycle_s : float or None
        Where a client records one time a reply: seconds from this reply to the next.
    hidden : bool
        The client ran calls that the log does not list.
    rewound : bool
        A person went back to before it: it was paid, and is in no history.
    declared_usd : float or None
    """

    reply_id: str
    at: datetime
    agent_id: str = MAIN
    model: str | None = None
    since_s: float | None = None
    prompted: bool = False
    end_s: float | None = None
    cycle_s: float | None = None
    hidden: bool = False
    rewound: bool = False
    usage: TokenUsage = NO_USAGE
    declared_usd: float | None = None
    calls: list[AgentCall] = field(default_factory=list)

    def ended(self, at_s: float) -> None:
        """Note that a result came."""
        self.end_s = at_s if self.end_s is None else max(self.end_s, at_s)


@dataclass(slots=True)
class AgentLog:
    """The replies of one session, in order.

    Attributes
    ----------
    session_id : str
    client : str
        The program that ran the agent.
    version : str or None
        Of that program.
    folder, branch : str or None
        Where it worked; stored as keyed hashes only.
    own_times : bool
        The client records when each call ended; else only when a batch did.
    asks_unseen : bool
        A person may have been asked inside a batch, and the log does not say so.
    stamped : bool
        Its lines have times; else only the session has one.
    """

    session_id: str
    client: str
    version: str | None = None
    folder: str | None = None
    branch: str | None = None
    own_times: bool = True
    asks_unseen: bool = False
    stamped: bool = True
    replies: list[AgentReply] = field(default_factory=list)


def text_or_none(value: object) -> str | None:
    """Keep a text that says something."""
    return value if isinstance(value, str) and value else None


def money_or_none(value: object) -> float | None:
    """Keep an amount of money; one that no float holds is none."""
    if not isinstance(value, (int, float)) or not -MAX_USD < value < MAX_USD:
        return None
    return float(value)


def parse_iso_time(value: object) -> datetime:
    """Read an ISO time with a zone.

    Raises
    ------
    UnreadableLineError
        It is none.
    """
    try:
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]  # checked by trying
        if at.tzinfo is UTC:
            return at
        if at.tzinfo is None:
            raise UnreadableLineError("a time without its zone", field="timestamp")
        return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputDataError):
            raise
        raise UnreadableLineError("not a time", field="timestamp") from error


def moment_ms(value: Any) -> datetime:
    """Read a time in milliseconds since 1970.

    Raises
    ------
    UnreadableLineError
        It is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnreadableLineError("not a time", field="time")
    if not 0 <= value < MAX_MS:
        raise UnreadableLineError("not a time", field="time")
    return datetime.fromtimestamp(value / 1000, UTC)
