"""The batch sizes that a policy would have wanted in each recorded context."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.arrays import Floats
from toolkit.bundle import ACTION_BOUNDS, plain_rule, read_bundle
from toolkit.errors import UsageError
from toolkit.policies import Policy, Problem, Value
from toolkit.review.facts import Columns

__all__ = ["ReplayPolicy", "read_policy"]


CONTEXT = (
    "operation_type",
    "load_cpu",
    "load_memory",
    "load_io",
    "active_agents",
    "read_share",
)
"""What a decision may know of a recorded batch; it does not depend on the decision."""

LEAST, MOST = ACTION_BOUNDS["batch_size"]

SIZES = tuple(map(float, range(LEAST, MOST + 1)))
"""Sizes on offer to a policy that brings none: 1 to the specification's largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPolicy:
    """What to replay.

    Attributes
    ----------
    name : str
        As it was written.
    sizes : callable, optional
        Wanted size of each batch; the recorded sizes without it.
    agents : int, optional
        Agents at once in a wave; the recorded numbers without it.
    """

    name: str
    sizes: Callable[[Columns], Floats] | None = None
    agents: int | None = None


def read_policy(text: str) -> ReplayPolicy:
    """Read a policy: `recorded`, `size:N`, `rule`, `bundle:DIR` or `agents:N`.

    Parameters
    ----------
    text : str

    Returns
    -------
    ReplayPolicy

    Raises
    ------
    UsageError
        It is none of these.
    BundleRefusedError
        The bundle fails a check.

    Examples
    --------
    >>> read_policy("agents:3").agents
    3
    """
    kind, _, value = text.partition(":")
    if text == "recorded":
        return ReplayPolicy(name=text)
    if text == "rule":
        rule = plain_rule("batch_size")
        return ReplayPolicy(name=text, sizes=lambda found: _decided(rule, SIZES, found))
    if kind == "bundle" and value:
        bundle = read_bundle(Path(value).expanduser())
        if bundle.manifest.decision != "batch_size":
            raise UsageError(f"`{text}` decides {bundle.manifest.decision}, no size")
        policy, offered = bundle.policy(), bundle.manifest.actions or SIZES
        return ReplayPolicy(
            name=text, sizes=lambda found: _decided(policy, offered, found)
        )
    if kind in ("size", "agents") and value.isascii() and value.isdigit():
        number = int(value)
        if 1 <= number <= 1000:
            if kind == "agents":
                return ReplayPolicy(name=text, agents=number)
            return ReplayPolicy(
                name=text,
                sizes=lambda found: np.full(len(found["size"]), float(number)),
            )
    raise UsageError(
        f"unknown policy `{text}`; write size:N, rule, bundle:DIR, agents:N or recorded"
    )


def _decided(policy: Policy, offered: tuple[float, ...], batches: Columns) -> Floats:
    """Ask a policy once for each different context."""
    answers: dict[tuple[Any, ...], float] = {}
    columns = [batches[name] for name in CONTEXT]
    sizes = np.empty(len(batches["size"]))
    for row, values in enumerate(zip(*columns, strict=True)):
        known = tuple(None if _is_missing(value) else value for value in values)
        if known not in answers:
            context = dict(zip(CONTEXT, known, strict=True))
            answers[known] = _answer(policy, offered, context)
        sizes[row] = answers[known]
    return sizes


def _answer(
    policy: Policy, offered: tuple[float, ...], context: Mapping[str, Value]
) -> float:
    problem = Problem.of("size", offered, **context)
    return policy.decide(problem).action[0]


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
