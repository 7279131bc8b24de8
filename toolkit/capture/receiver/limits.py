"""What one receiver accepts, what it has done, and how it says no."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["Headers", "Limits", "ReceiverStatus", "Refusal", "RefusedError"]

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on everything that a sender controls.

    Parameters
    ----------
    body_bytes : int
        Largest request as it is sent. The collector's own limit is 20 MiB.
    content_bytes : int
        Largest request after decompression.
    values : int
        Most JSON values, or spans and events, in one request: what a request expands
        to in memory is bounded by them. Requests are decoded one after the other.
    connections : int
        Open connections; above it the one that has idled longest is closed.
    requests : int
        Requests handled at once; more are answered 503.
    question_bytes : int
        Largest body of a request that is no telemetry.
    waiting_bytes : int
        Most that may wait on disk to be joined; above it requests are answered 429.
    open_signals : int
        Most signals of sessions that may go on which are held for their next batch.
    settle_s : float
        How long a session may be silent before it is over.
    timeout_s : float
        Longest silence of a sender within a request.
    request_s : float
        Longest time from the first byte of a request to its last.
    idle_s : float
        Longest time that a connection stays open between two requests.
    retry_after_s : int
        Pause that is asked of a sender that is refused for now.
    """

    body_bytes: int = 32 * MIB
    content_bytes: int = 64 * MIB
    values: int = 2_000_000
    connections: int = 256
    requests: int = 16
    question_bytes: int = MIB
    waiting_bytes: int = 256 * MIB
    open_signals: int = 200_000
    settle_s: float = 900.0
    timeout_s: float = 10.0
    request_s: float = 60.0
    idle_s: float = 120.0
    retry_after_s: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverStatus:
    """What a receiver has done so far.

    Attributes
    ----------
    requests, refused : int
        Answered 200; answered otherwise.
    signals, records, ignored : int
        Signals kept, records kept, entries that say nothing about batches.
    """

    requests: int = 0
    refused: int = 0
    signals: int = 0
    records: int = 0
    ignored: int = 0


class Headers(Protocol):
    """The headers of a request, asked for by name in any case."""

    def get(self, name: str, /) -> str | None:
        """Find a header."""
        ...


class Refusal(NamedTuple):
    """An answer other than 200.

    Attributes
    ----------
    status : int
    reason : str
    retry : bool
        The same request may be accepted later.
    """

    status: int
    reason: str
    retry: bool = False


class RefusedError(Exception):
    """A request that is refused.

    Parameters
    ----------
    status : int
        HTTP status to answer with.
    reason : str
        For the sender's log.
    retry : bool
        The same request may be accepted later.
    """

    def __init__(self, status: int, reason: str, *, retry: bool = False) -> None:
        self.refusal = Refusal(status, reason, retry)
        super().__init__(reason)
