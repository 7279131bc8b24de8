"""The promotion gate: a challenger replaces the champion only when it has earned it.

Both are scored on the same held-out problems. The one-sided upper bound of their paired
difference in mean log cost, over groups, must lie below zero; an A/A comparison then
passes in at most 5 % of cases. What is neither shown better nor shown not worth having
is *not enough data*, with how much would be.
"""

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from toolkit.errors import GateRefusedError, NotEnoughDataError
from toolkit.metrics import BootstrapInterval, paired_group_bootstrap

__all__ = ["GateRules", "Promotion", "PromotionOutcome", "decide_promotion"]


class PromotionOutcome(StrEnum):
    """What the gate answered."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    NOT_ENOUGH_DATA = "not enough data"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """What the gate demands.

    Attributes
    ----------
    error_rate : float
        Largest share, 0..0.5, of equal challengers that may pass.
    reserve : float
        Kept back of the error rate, since with few, uneven groups and skewed costs the
        bound itself errs by up to this much (experiment 005).
    power : float
        Probability, 0..1, of passing at the gain seen, for the data asked for.
    worth_having : float
        Gain in log cost below which two policies are a tie; 0.02 is the noise between
        replicates of one measurement.
    groups : int
        Fewest groups to decide on.
    replicates : int
        Bootstrap resamples.
    """

    error_rate: float = 0.05
    reserve: float = 0.01
    power: float = 0.8
    worth_having: float = 0.02
    groups: int = 6
    replicates: int = 2000

    @property
    def level(self) -> float:
        """Level, 0..1, of each one-sided bound."""
        return 1 - (self.error_rate - self.reserve)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The gate's answer with every figure behind it.

    Attributes
    ----------
    outcome : PromotionOutcome
    challenger, champion : str
    difference : float or None
        Mean of challenger - champion in log cost; below 0 is cheaper. `None` with fewer
        than two groups.
    low, high : float or None
        One-sided bounds of it, each at the rules' `level`; infinite where few groups
        differ at all, which JSON has no number for and is written as `null`.
    standard_error : float or None
    problems, groups : int
        What was compared.
    groups_needed : int or None
        Groups like these for the gain seen, or the least worth having, to pass with the
        demanded power; `None` where the gate could decide.
    rules : GateRules
    reason : str
        One sentence.
    """

    outcome: PromotionOutcome
    challenger: str
    champion: str
    difference: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    problems: int
    groups: int
    groups_needed: int | None
    rules: GateRules
    reason: str

    @property
    def promoted(self) -> bool:
        """Whether the challenger replaces the champion."""
        return self.outcome is PromotionOutcome.PROMOTED

    def require(self) -> None:
        """Return where promoted, else raise.

        Raises
        ------
        GateRefusedError
            The challenger is shown not to be worth having.
        NotEnoughDataError
            The data cannot tell.
        """
        if self.outcome is PromotionOutcome.REFUSED:
            raise GateRefusedError(
                f"`{self.challenger}` does not replace `{self.champion}`: {self.reason}"
            )
        if self.outcome is PromotionOutcome.NOT_ENOUGH_DATA:
            raise NotEnoughDataError(
                f"a promotion of `{self.challenger}` over `{self.champion}`",
                got=self.groups,
                needed=self.groups_needed or self.rules.groups,
                unit="groups",
            )

    def to_json(self) -> dict[str, Any]:
        """Write every figure as JSON types."""
        return {
            name: None if isinstance(v, float) and not math.isfinite(v) else v
            for name, v in asdict(self).items()
        }


def decide_promotion(
    challenger_log_costs: ArrayLike,
    champion_log_costs: ArrayLike,
    groups: ArrayLike,
    *,
    rng: np.random.Generator,
    challenger: str = "learned",
    champion: str = "rule",
    rules: GateRules | None = None,
) -> Promotion:
    """Decide whether a challenger replaces the champion.

    Parameters
    ----------
    challenger_log_costs, champion_log_costs : array-like of shape (problems,)
        Natural logarithm of what each one's action cost on the same held-out problems.
    groups : array-like of shape (problems,)
        What was held out together.
    rng : numpy.random.Generator
    challenger, champion : str
        Names for the answer.
    rules : GateRules, optional

    Returns
    -------
    Promotion

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> champion = rng.normal(size=80)
    >>> gain = rng.normal(0.2, 0.1, size=80)
    >>> answer = decide_promotion(
    ...     champion - gain, champion, np.arange(80) // 5, rng=rng
    ... )
    >>> answer.outcome.value, answer.groups
    ('promoted', 16)
    """
    demanded = rules or GateRules()
    labels = np.asarray(groups)
    count = len(np.unique(labels))
    interval: BootstrapInterval | None = None
    if count >= 2:
        # A central level leaves out as much above as below.
        interval = paired_group_bootstrap(
            challenger_log_costs,
            champion_log_costs,
            labels,
            rng=rng,
            level=2 * demanded.level - 1,
            replicates=demanded.replicates,
        )
    outcome, needed, reason = _judge(interval, count, demanded)
    return Promotion(
        outcome=outcome,
        challenger=challenger,
        champion=champion,
        difference=None if interval is None else interval.estimate,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        standard_error=None if interval is None else interval.standard_error,
        problems=len(labels),
        groups=count,
        groups_needed=needed,
        rules=demanded,
        reason=reason,
    )


def _judge(
    interval: BootstrapInterval | None, groups: int, rules: GateRules
) -> tuple[PromotionOutcome, int | None, str]:
    if interval is None or groups < rules.groups:
        reason = f"{groups} groups, at least {rules.groups} are needed to decide"
        return PromotionOutcome.NOT_ENOUGH_DATA, rules.groups, reason
    bounds = f"{_percent(interval.low)} to {_percent(interval.high)}"
    if interval.high < 0:
        return PromotionOutcome.PROMOTED, None, f"it changes the cost by {bounds}"
    if interval.low > -rules.worth_having:
        reason = f"it changes the cost by {bounds}, no gain worth having"
        return PromotionOutcome.REFUSED, None, reason
    needed = _groups_needed(interval, groups, rules)
    reason = f"it changes the cost by {bounds}; about {needed} groups would tell"
    return PromotionOutcome.NOT_ENOUGH_DATA, needed, reason


def _groups_needed(interval: BootstrapInterval, groups: int, rules: GateRules) -> int:
    """Count groups for a one-sided z test of the gain seen, or of the least one."""
    gain = max(-interval.estimate, rules.worth_having)
    normal = NormalDist()
    reach = normal.inv_cdf(rules.level) + normal.inv_cdf(rules.power)
    spread = interval.standard_error * math.sqrt(groups)
    return max(groups + 1, math.ceil((reach * spread / gain) ** 2))


def _percent(log_difference: float) -> str:
    return f"{100 * math.expm1(min(log_difference, 50.0)):+.1f} %"
