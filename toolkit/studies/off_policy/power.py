"""How often the promotion gate errs, and how much data it needs: by simulation.

An A/A world compares policies that cost the same; whatever is promoted there is a
mistake. A world with a gain tells the power.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats, Ints
from toolkit.errors import UsageError
from toolkit.experiments.promotion import (
    GateRules,
    PromotionOutcome,
    decide_promotion,
)
from toolkit.experiments.tables import FullFactorial

__all__ = [
    "Comparison",
    "GateRate",
    "GateWorld",
    "drawn_from_table",
    "gate_rate",
    "promoted_limit",
    "records_needed",
]

Comparison = Callable[[np.random.Generator], tuple[Floats, NDArray[np.int64]]]
"""Draws challenger - champion in log cost, and the group, of each problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateWorld:
    """A population of paired comparisons.

    Parameters
    ----------
    records : int
        Problems compared, at least one a group.
    groups : int
        At least 2; of uneven size.
    gain : float
        How much cheaper the challenger is, in log cost; 0 is an A/A world.
    group_effect : float
        Standard deviation between groups, in log cost.
    noise : float
        Standard deviation between problems of one group; skewed as costs are: now and
        then the challenger is much dearer.

    Examples
    --------
    >>> world = GateWorld(records=48, groups=8)
    >>> differences, groups = world.draw(np.random.default_rng(0))
    >>> differences.shape, len(np.unique(groups))
    ((48,), 8)
    """

    records: int
    groups: int
    gain: float = 0.0
    group_effect: float = 0.1
    noise: float = 0.3

    def draw(self, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
        """Draw one comparison."""
        if not 2 <= self.groups <= self.records:
            raise UsageError(
                f"a world needs 2 groups and a record for each (got {self.records} "
                f"records in {self.groups} groups)"
            )
        shares = rng.dirichlet(np.full(self.groups, 2.0))
        sizes = 1 + rng.multinomial(self.records - self.groups, shares)
        labels = np.repeat(np.arange(self.groups), sizes)
        # A gamma variable of shape 4 has skewness 1 and, centred, deviation 2.
        errors = (rng.gamma(4.0, size=self.records) - 4.0) / 2.0 * self.noise
        shared = rng.normal(0, self.group_effect, size=self.groups)[labels]
        return shared + errors - self.gain, labels


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRate:
    """What the gate answered over many worlds.

    Attributes
    ----------
    name : str
    worlds, promoted, refused, not_enough_data : int
        Counts; the last three sum to the first.
    """

    name: str
    worlds: int
    promoted: int
    refused: int
    not_enough_data: int

    @property
    def share_promoted(self) -> float:
        """Share of worlds, 0..1, that were promoted."""
        return self.promoted / self.worlds

    def to_json(self) -> dict[str, Any]:
        """Write the counts as JSON types."""
        return asdict(self)


def drawn_from_table(
    table: FullFactorial, challenger: Ints, *, groups: int
) -> Comparison:
    """Draw A/A comparisons with the errors of a real table.

    Groups are drawn with replacement from the table's, with their own problems; the
    mean difference of challenger and rule is taken away, its spread and skew stay.

    Parameters
    ----------
    table : FullFactorial
    challenger : ndarray of shape (problems,)
        Action of the policy that is compared with the rule.
    groups : int
        How many to draw.
    """
    rows = np.arange(len(table.rule))
    differences = table.log_costs[rows, challenger] - table.log_costs[rows, table.rule]
    centred = differences - differences.mean()
    members = [
        np.flatnonzero(table.groups == label) for label in np.unique(table.groups)
    ]

    def draw(rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
        drawn = [members[code] for code in rng.integers(len(members), size=groups)]
        labels = np.repeat(np.arange(groups), [len(each) for each in drawn])
        return centred[np.concatenate(drawn)], labels

    return draw


def gate_rate(
    name: str,
    draw: Comparison,
    *,
    worlds: int,
    rng: np.random.Generator,
    rules: GateRules,
) -> GateRate:
    """Put many worlds before the gate.

    Parameters
    ----------
    name : str
    draw : callable
    worlds : int
    rng : numpy.random.Generator
    rules : GateRules

    Examples
    --------
    >>> world = GateWorld(records=60, groups=12, gain=0.5)
    >>> rate = gate_rate(
    ...     "plain",
    ...     world.draw,
    ...     worlds=20,
    ...     rng=np.random.default_rng(0),
    ...     rules=GateRules(replicates=200),
    ... )
    >>> rate.promoted + rate.refused + rate.not_enough_data, rate.share_promoted > 0.8
    (20, True)
    """
    answers: Counter[PromotionOutcome] = Counter()
    for _ in range(worlds):
        differences, groups = draw(rng)
        answer = decide_promotion(
            differences, np.zeros_like(differences), groups, rng=rng, rules=rules
        )
        answers[answer.outcome] += 1
    return GateRate(
        name=name,
        worlds=worlds,
        promoted=answers[PromotionOutcome.PROMOTED],
        refused=answers[PromotionOutcome.REFUSED],
        not_enough_data=answers[PromotionOutcome.NOT_ENOUGH_DATA],
    )


def promoted_limit(worlds: int, error_rate: float) -> int:
    """Count the equal challengers that may pass: the error rate and its sampling error.

    Parameters
    ----------
    worlds : int
    error_rate : float
        In 0..1.

    Examples
    --------
    >>> promoted_limit(1000, 0.05)
    64
    """
    spread = math.sqrt(error_rate * (1 - error_rate) * worlds)
    return round(error_rate * worlds + NormalDist().inv_cdf(0.975) * spread)


def records_needed(curve: dict[int, float], power: float) -> int | None:
    """Find the fewest records from which on the power is reached; `None` if it is not.

    Parameters
    ----------
    curve : dict of int to float
        Share promoted by number of records.
    power : float
        In 0..1.

    Examples
    --------
    >>> records_needed({24: 0.3, 48: 0.85, 96: 0.97}, 0.8)
    48
    >>> records_needed({24: 0.3}, 0.8) is None
    True
    """
    enough: int | None = None
    for records in sorted(curve, reverse=True):
        if curve[records] < power:
            break
        enough = records
    return enough
