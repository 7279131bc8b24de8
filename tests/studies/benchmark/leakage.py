"""Catches decisions that knew what they must not know.

A held-out problem's costs are replaced by others wherever they were not measured. A
decision that changes has read them: through centring, a filter, a fit, or a look-up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.errors import GateRefusedError
from toolkit.models import DecisionTable
from toolkit.policies import Floats

__all__ = ["Taken", "leaking_lines", "require_no_leak"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A line's decision in one problem, and the costs it had asked for.

    Attributes
    ----------
    line : str
    action : int
    measured : tuple of int
        Actions whose cost was asked for before deciding.
    """

    line: str
    action: int
    measured: tuple[int, ...] = ()


Decide = Callable[[DecisionTable, str], Sequence[Sequence[Taken]]]
"""From a table and the held-out group to each problem's decisions."""


def leaking_lines(
    table: DecisionTable, group: str, decide: Decide, rng: np.random.Generator
) -> list[str]:
    """Name the lines whose decisions depend on costs they never asked for.

    Each line is tried on its own, since each has measured other actions.

    Parameters
    ----------
    table : DecisionTable
    group : str
        The one held out.
    decide : callable
    rng : numpy.random.Generator
        Draws the replaced costs.
    """
    before = decide(table, group)
    lines = list(dict.fromkeys(taken.line for row in before for taken in row))
    leaking = []
    for line in lines:
        kept = [next((t.measured for t in row if t.line == line), ()) for row in before]
        after = decide(_perturbed(table, group, kept, rng), group)
        if _of(line, before) != _of(line, after):
            leaking.append(line)
    return leaking


def require_no_leak(
    table: DecisionTable, group: str, decide: Decide, rng: np.random.Generator
) -> None:
    """Refuse to go on where a decision depends on what it may not know.

    Raises
    ------
    GateRefusedError
        Naming the lines.
    """
    leaking = leaking_lines(table, group, decide, rng)
    if leaking:
        raise GateRefusedError(
            f"{table.title}, {group} held out: decisions of {', '.join(leaking)} change "
            "with costs that were never measured; something is computed from them"
        )


def _of(line: str, rows: Sequence[Sequence[Taken]]) -> list[Taken]:
    return [taken for row in rows for taken in row if taken.line == line]


def _perturbed(
    table: DecisionTable,
    group: str,
    kept: Sequence[tuple[int, ...]],
    rng: np.random.Generator,
) -> DecisionTable:
    """Replace the costs of a group but for the measured ones."""
    measured = iter(kept)
    costs: list[Floats] = []
    for known, other in zip(table.log_costs, table.groups, strict=True):
        if other != group:
            costs.append(known)
            continue
        spread = float(np.ptp(known)) + 1.0
        drawn = rng.permutation(known) + rng.normal(0, spread, len(known))
        places = list(next(measured))
        drawn[places] = known[places]
        costs.append(drawn)
    return table.with_log_costs(costs)
