"""What a sweep shows: where the best action lies, and how much repeats differ."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from math import exp, inf, isfinite, log
from statistics import fmean, median, pstdev
from typing import Any, TypeVar

from toolkit.records import Batch, LoadSample, Record, Workflow

__all__ = ["ContextSummary", "Report", "summarise_sweep"]

_Apart = Mapping[int, Mapping[str, float]]
"""Costs by action and repeat."""
_Measured = TypeVar("_Measured", Batch, Workflow)

MONEY = 0.5
"""Weight of agent-seconds in a workflow's cost (definitions, section 3)."""
RULE_RANGES = {
    "fileOperations": (3, 15),
    "taskSpawning": (3, 12),
    "todoWrite": (5, 20),
}
"""The rule's minimum and maximum (definitions, section 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSummary:
    """One context: what every action cost, and which was best.

    Attributes
    ----------
    context : str
    group : str
    kind : str
        Operation type of batches, `workflow` of task graphs.
    costs : mapping of int to float
        By action: seconds per successful operation over all repeats, or the weighted
        cost of a workflow. An action that never succeeded has none.
    best : int
        The cheapest action.
    interior : bool
        Whether the best lies strictly between the smallest and the largest tried.
    beats_edges : bool
        Whether it is cheaper than both edges in every single repeat as well.
    noise : float
        Coefficient of variation between repeats, median over the actions.
    noise_within : float
        The same after each repeat's common level, which falls on all actions alike, has
        been divided out: what blurs the comparison of actions.
    floor : float or None
        What the best action of one half of the repeats costs in the other half, over the
        least there; both ways, geometric mean. A choice of the best action would measure
        so much slower than the best if it were graded on the repeats that name the
        best. `None` with a single repeat.
    """

    context: str
    group: str
    kind: str
    costs: Mapping[int, float]
    best: int
    interior: bool
    beats_edges: bool
    noise: float
    noise_within: float
    floor: float | None

    @property
    def within_rule(self) -> bool:
        """Whether the best lies strictly inside the range of the type's rule."""
        low, high = RULE_RANGES.get(self.kind, (3, 12))
        return low < self.best < high


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All contexts of a sweep.

    Attributes
    ----------
    contexts : tuple of ContextSummary
    rows : mapping of str to int
        Records by kind.
    """

    contexts: tuple[ContextSummary, ...]
    rows: Mapping[str, int]

    def of(self, kind: str) -> list[ContextSummary]:
        """List the contexts of an operation type, or of `workflow`."""
        return [context for context in self.contexts if context.kind == kind]

    @property
    def kinds(self) -> list[str]:
        """List the operation types, and `workflow`, in order."""
        return sorted({context.kind for context in self.contexts})

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return {
            "rows": dict(self.rows),
            "contexts": len(self.contexts),
            "interior": sum(context.interior for context in self.contexts),
            "by_kind": {kind: _shares(self.of(kind)) for kind in self.kinds},
            "by_context": [asdict(context) for context in self.contexts],
        }

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Write the header and one row for each kind of decision."""
        header = [
            "decision",
            "contexts",
            "best strictly inside",
            "in every repeat",
            "inside the rule's range",
            "best actions",
            "noise between repeats",
            "within blocks",
            "noise floor",
        ]
        rows = []
        for kind in self.kinds:
            contexts = self.of(kind)
            share = _shares(contexts)
            rows.append(
                [
                    kind,
                    str(len(contexts)),
                    str(share["interior"]),
                    str(share["beats_edges"]),
                    str(share["within_rule"]),
                    _tallied(context.best for context in contexts),
                    f"{100 * share['noise']:.0f} %",
                    f"{100 * share['noise_within']:.0f} %",
                    "" if share["floor"] is None else f"{share['floor']:.3f}",
                ]
            )
        return header, rows


def summarise_sweep(records: Iterable[Record]) -> Report:
    """Summarise the records of a sweep by context.

    Contexts in which fewer than two actions were measured (an interrupted sweep), or
    nothing ever succeeded, are left out.
    """
    rows: dict[str, int] = defaultdict(int)
    batches: list[Batch] = []
    workflows: list[Workflow] = []
    for record in records:
        rows[record.kind] += 1
        if isinstance(record, Batch):
            batches.append(record)
        elif isinstance(record, Workflow):
            workflows.append(record)
        elif not isinstance(record, LoadSample):
            continue
    contexts = [
        *_contexts(batches, lambda b: b.operation_type, lambda b: b.size, batch_cost),
        *_contexts(workflows, lambda _: "workflow", lambda w: w.agents, workflow_cost),
        *_contexts(
            workflows, lambda _: "workflow (time only)", lambda w: w.agents, _makespan_s
        ),
    ]
    return Report(contexts=tuple(contexts), rows=dict(rows))


def batch_cost(batches: Sequence[Batch]) -> float:
    """Seconds per successful operation: all cycles over all successes.

    Examples
    --------
    >>> batch_cost([])
    inf
    """
    cycles_s = sum(batch.cycle_s or 0.0 for batch in batches)
    succeeded = sum(batch.succeeded or 0 for batch in batches)
    return cycles_s / succeeded if succeeded else inf


def workflow_cost(workflows: Sequence[Workflow], money: float = MONEY) -> float:
    """Mean of `makespan^(1-money) * agent_seconds^money` over the finished runs."""
    costs = [
        float(w.makespan_s ** (1 - money) * w.agent_seconds**money)
        for w in workflows
        if w.makespan_s is not None and w.agent_seconds is not None
    ]
    return sum(costs) / len(costs) if costs else inf


def _makespan_s(workflows: Sequence[Workflow]) -> float:
    return workflow_cost(workflows, money=0.0)


def _contexts(
    records: Sequence[_Measured],
    kind: Callable[[_Measured], str],
    action: Callable[[_Measured], int],
    cost: Callable[[Sequence[_Measured]], float],
) -> list[ContextSummary]:
    """Summarise each context in which two actions or more were measured."""
    cells: dict[str, dict[int, dict[str, list[_Measured]]]] = {}
    first: dict[str, _Measured] = {}
    for record in records:
        context = record.context_id or ""
        first.setdefault(context, record)
        repeats = cells.setdefault(context, {}).setdefault(action(record), {})
        repeats.setdefault(record.session_id or "", []).append(record)
    summaries = []
    for context, actions in sorted(cells.items()):
        rows = [
            row
            for repeats in actions.values()
            for each in repeats.values()
            for row in each
        ]
        if len(actions) < 2 or not isfinite(cost(rows)):
            continue
        summaries.append(
            _summary(
                context,
                first[context].group_id or "",
                kind(first[context]),
                actions,
                cost,
            )
        )
    return summaries


def _summary(
    context: str,
    group: str,
    kind: str,
    actions: Mapping[int, Mapping[str, Sequence[_Measured]]],
    cost: Callable[[Sequence[_Measured]], float],
) -> ContextSummary:
    costs = {
        action: cost([row for rows in repeats.values() for row in rows])
        for action, repeats in sorted(actions.items())
    }
    apart = {
        action: {name: cost(rows) for name, rows in repeats.items()}
        for action, repeats in actions.items()
    }
    low, high = min(costs), max(costs)
    costs = {action: value for action, value in costs.items() if isfinite(value)}
    best = min(costs, key=costs.__getitem__)
    return ContextSummary(
        context=context,
        group=group,
        kind=kind,
        costs={action: round(value, 7) for action, value in costs.items()},
        best=best,
        interior=low < best < high,
        beats_edges=low < best < high
        and _always_below(apart[best], apart[low])
        and _always_below(apart[best], apart[high]),
        noise=_noise(apart),
        noise_within=_noise(_levelled(apart)),
        floor=_floor(actions, cost),
    )


def _floor(
    actions: Mapping[int, Mapping[str, Sequence[_Measured]]],
    cost: Callable[[Sequence[_Measured]], float],
) -> float | None:
    """Grade the best action of each half of the repeats on the other half."""
    names = sorted(
        {name for repeats in actions.values() for name in repeats}, key=_turn
    )
    halves = [
        {
            action: cost([row for name in half for row in repeats.get(name, ())])
            for action, repeats in actions.items()
        }
        for half in (names[::2], names[1::2])
    ]
    if len(names) < 2 or not all(map(isfinite, map(_least, halves))):
        return None
    lost = [
        log(graded[min(chosen, key=chosen.__getitem__)] / _least(graded))
        for chosen, graded in (halves, halves[::-1])
    ]
    return exp(fmean(lost)) if all(map(isfinite, lost)) else None


def _least(costs: Mapping[int, float]) -> float:
    return min(costs.values())


def _turn(session: str) -> tuple[int, str]:
    """Order of a repeat: the number at its end."""
    number = session.rpartition("-")[2]
    return (int(number) if number.isdigit() else 0, session)


def _always_below(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    return all(one[name] < other[name] for name in one if name in other)


def _noise(apart: _Apart) -> float:
    return median(_variation(list(each.values())) for each in apart.values())


def _levelled(apart: _Apart) -> _Apart:
    """Divide each repeat's costs by their geometric mean over the actions."""
    logs: dict[str, list[float]] = {}
    for each in apart.values():
        for name, value in each.items():
            if isfinite(value):
                logs.setdefault(name, []).append(log(value))
    levels = {name: exp(fmean(values)) for name, values in logs.items()}
    return {
        action: {
            name: value / levels[name] for name, value in each.items() if name in levels
        }
        for action, each in apart.items()
    }


def _variation(values: Sequence[float]) -> float:
    """Coefficient of variation; 0 for a single value, which varies from nothing."""
    finite = [value for value in values if isfinite(value)]
    return pstdev(finite) / fmean(finite) if finite else 0.0


def _shares(contexts: Sequence[ContextSummary]) -> dict[str, Any]:
    floors = [log(c.floor) for c in contexts if c.floor is not None]
    return {
        "floor": round(exp(fmean(floors)), 4) if floors else None,
        "contexts": len(contexts),
        "interior": sum(context.interior for context in contexts),
        "beats_edges": sum(context.beats_edges for context in contexts),
        "within_rule": sum(context.within_rule for context in contexts),
        "noise": round(median(context.noise for context in contexts), 4),
        "noise_within": round(median(c.noise_within for c in contexts), 4),
    }


def _tallied(actions: Iterable[int]) -> str:
    """Write how often each action was best, as `4 x3` for thrice four."""
    return ", ".join(
        f"{action} x{len(list(same))}" for action, same in groupby(sorted(actions))
    )
