"""What an address answers beside telemetry: paths that its owner adds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Answer", "Route"]


class Answer(NamedTuple):
    """An answer to one request.

    Attributes
    ----------
    status : int
    body : bytes
    kind : str
        Media type of the body.
    """

    status: int
    body: bytes
    kind: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path beside those of OTLP, and what answers there.

    The host, the origin and the token are checked as for telemetry, and a body is
    bounded, before the answer is asked for. It is called from several threads.

    Parameters
    ----------
    method : str
        `GET` or `POST`.
    answer : callable
        Takes the body and returns a `Answer`; errors of the toolkit become status 400.
    needs_token : bool
        Whether the token is asked for, where there is one: a probe of the machine's
        health has none, and must learn nothing else.
    """

    method: str
    answer: Callable[[bytes], Answer]
    needs_token: bool = True
