"""Bounds the turns that could have ridden with the one before (review, section 2).

Whether a turn had to see the results of the one before is not recorded. What is recorded
bounds it: for each call, whether it uses something that only those results showed. The
answer is two bounds, never a point.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.review.facts import Columns
from toolkit.review.figure import Figure, total

__all__ = ["APART", "KINDS", "Bounds", "MergeKind", "in_total", "mergeable", "merging"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What merging would have saved: at least, and at most.

    Attributes
    ----------
    turns, latency, tokens, money : tuple of (Figure, Figure)
        Lower and upper: turns saved, their latency in seconds, the cache reads that they
        paid again in tokens, and those in US dollars.
    """

    turns: tuple[Figure, Figure]
    latency: tuple[Figure, Figure]
    tokens: tuple[Figure, Figure]
    money: tuple[Figure, Figure]
    unclear: int
    """Pairs whose data flow is not recorded: in the upper bound, never in the lower."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All eight, lower before upper."""
        return (*self.turns, *self.latency, *self.tokens, *self.money)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeKind:
    """One kind of pair: what followed what, and its two bounds as masks.

    Attributes
    ----------
    name : str
        `read`, `edit`, `todo`, `shell` or `mcp`.
    lower, upper : ndarray of bool, shape (batches,)
        Batches that surely could have ridden, and that are not excluded.
    unknown : ndarray of bool, shape (batches,)
        Pairs of this kind whose data flow is not recorded; they are in `upper`.
    """

    name: str
    lower: Mask
    upper: Mask
    unknown: Mask


KINDS = ("read", "edit", "todo")
"""Kinds that enter the totals."""

APART = ("shell", "mcp")
"""Kinds whose effects are not visible: an upper bound of their own, in no total."""


def mergeable(batches: Columns) -> dict[str, MergeKind]:
    """Classify each batch by whether it could have ridden with the one before.

    Chains count once: every batch that could have joined its predecessor saves one turn,
    so three in a row save two.

    Parameters
    ----------
    batches : mapping of str to ndarray
        As `Facts.batches`.

    Returns
    -------
    dict of str to MergeKind
        By kind, `KINDS` and then `APART`.
    """
    work, before = batches["work"], batches["previous_work"]
    pair = (
        ~batches["prompted"]
        & batches["previous_succeeded"].astype(np.bool_)
        & (before != None)  # noqa: E711 - an array of objects
    )
    calls = batches["calls"].astype(np.float64)
    flow = np.isfinite(batches["known_before"])
    nothing = np.zeros(len(work), dtype=np.bool_)
    new_to_it = batches["known_before"] == calls
    read = pair & (work == "read") & (before == "read")
    edit = pair & (work == "edit") & (before == "edit") & ~_same_file(batches)
    todo = pair & (work == "todo") & (before != "spawn") & (before != "question")
    todo &= before != "planning"
    found = [
        MergeKind(
            name="read",
            lower=read & flow & new_to_it & (batches["mentioned_by_previous"] == 0),
            upper=read & ~(flow & (batches["needs_previous"] > 0)),
            unknown=read & ~flow,
        ),
        MergeKind(
            name="edit", lower=edit & flow & new_to_it, upper=edit, unknown=edit & ~flow
        ),
        MergeKind(name="todo", lower=todo, upper=todo, unknown=nothing),
    ]
    for name in APART:
        same = pair & (work == name) & (before == name)
        found.append(
            MergeKind(name=name, lower=nothing, upper=same, unknown=same & ~flow)
        )
    return {kind.name: kind for kind in found}


def merging(
    batches: Columns, cached_usd: NDArray[np.float64] | None = None
) -> Mapping[str, Bounds]:
    """Bound what merging would have saved, by kind and in all.

    A merged turn still pays its output and its cache writes, so only its cache reads and
    its latency are saved.

    Parameters
    ----------
    batches : mapping of str to ndarray
        As `Facts.batches`.
    cached_usd : ndarray of shape (batches,), optional
        What the cache reads of each batch's turn cost, NaN where unpriced.

    Returns
    -------
    mapping of str to Bounds
        By kind; `all` adds those of `KINDS`.
    """
    kinds = mergeable(batches)
    money = np.full(len(batches["record_id"]), np.nan)
    money = money if cached_usd is None else cached_usd
    found = {name: _bounds(kind, batches, money) for name, kind in kinds.items()}
    return {"all": _bounds(in_total(kinds), batches, money), **found}


def in_total(kinds: Mapping[str, MergeKind]) -> MergeKind:
    """Join the kinds that enter the totals.

    Parameters
    ----------
    kinds : mapping of str to MergeKind
        As `mergeable` gives them.

    Returns
    -------
    MergeKind
        Named `all`.
    """
    return MergeKind(
        name="all",
        lower=_any([kinds[name].lower for name in KINDS]),
        upper=_any([kinds[name].upper for name in KINDS]),
        unknown=_any([kinds[name].unknown for name in KINDS]),
    )


def _bounds(kind: MergeKind, batches: Columns, money: NDArray[np.float64]) -> Bounds:
    columns: dict[str, tuple[str, NDArray[Any], str]] = {
        "turns": ("turns", np.ones(len(money)), "one turn each"),
        "latency": ("s", batches["turn_latency_s"], "latency of those turns"),
        "tokens": ("tokens", batches["turn_cache_read"], "cache reads of those turns"),
        "money": ("USD", money, "cache reads of those turns at list price"),
    }
    made = {}
    for name, (unit, values, how) in columns.items():
        lower, upper = (
            total(
                f"merge.{kind.name}.{name}.{side}",
                unit,
                values,
                batches["record_id"],
                mask,
                how=f"batches that {_SAYS[side]} have ridden with the one before; {how}",
            )
            for side, mask in (("lower", kind.lower), ("upper", kind.upper))
        )
        made[name] = (lower, upper)
    return Bounds(unclear=int(np.sum(kind.unknown)), **made)


_SAYS = {"lower": "surely could", "upper": "are not excluded to"}


def _same_file(batches: Columns) -> Mask:
    """Two edits share a file, or it is not known which files they changed."""
    known = batches["files"] > 0
    return np.asarray(batches["same_file"].astype(np.bool_) | ~known)


def _any(masks: list[Mask]) -> Mask:
    return np.asarray(np.logical_or.reduce(masks))
