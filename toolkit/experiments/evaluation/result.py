"""What an experiment found: a frozen result, its JSON form, and the table people read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.escaping import markdown
from toolkit.metrics import BootstrapInterval, group_bootstrap, share_within

if TYPE_CHECKING:
    from toolkit.experiments.evaluation.nested import Evaluation

__all__ = ["PolicyRow", "markdown_table", "over_groups", "policy_rows"]

TIE = 0.02
"""Differences under 2 % in log cost are ties: that is the replicates' noise."""

WIDE = 4.0
"""Width in log cost, a factor of 50, beyond which resamples say nothing."""

ORDER = ("oracle", "learned", "guarded", "tuned rule", "rule", "best constant")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """One policy's row of the comparison.

    Attributes
    ----------
    policy : str
    slowdown, slowdown_low, slowdown_high : float
        Geometric mean of chosen cost over best cost, with its 95 % interval over groups;
        below 1 where the best that other repeats named is not the best.
    within_5, within_10 : float
        Share of problems at most that much worse than the best, each with its 95 %
        interval over groups in `*_low` and `*_high`, clipped to 0..1.
    against_rule, against_rule_low, against_rule_high : float
        Cost relative to the rule's, minus 1; below 0 is cheaper.
    verdict : str
        `better`, `worse` or `tie` against the rule, by the interval and the noise.
    """

    policy: str
    slowdown: float
    slowdown_low: float
    slowdown_high: float
    within_5: float
    within_5_low: float
    within_5_high: float
    within_10: float
    within_10_low: float
    within_10_high: float
    against_rule: float
    against_rule_low: float
    against_rule_high: float
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name.
        """
        return asdict(self)


def policy_rows(evaluation: "Evaluation", *, seed: int) -> list[PolicyRow]:
    """Grade every policy, with intervals over groups.

    Parameters
    ----------
    evaluation : Evaluation
    seed : int
        Of the bootstrap.

    Returns
    -------
    list of PolicyRow
        Known policies in a fixed order, then the others by slowdown.
    """
    rule = np.array(evaluation.scores["rule"])
    groups = np.array(evaluation.groups)
    rows = [
        _row(name, np.array(scores), rule, groups, seed)
        for name, scores in evaluation.scores.items()
    ]
    return sorted(rows, key=lambda row: (_rank(row.policy), row.slowdown))


def _rank(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _row(
    name: str,
    scores: "np.ndarray[Any, np.dtype[np.float64]]",
    rule: "np.ndarray[Any, np.dtype[np.float64]]",
    groups: "np.ndarray[Any, Any]",
    seed: int,
) -> PolicyRow:
    mean = over_groups(scores, groups, seed)
    paired = over_groups(scores - rule, groups, seed)
    slowdowns = np.exp(scores)
    near = {
        tolerance: over_groups((slowdowns <= 1 + tolerance).astype(float), groups, seed)
        for tolerance in (0.05, 0.10)
    }
    return PolicyRow(
        policy=name,
        slowdown=float(np.exp(mean.estimate)),
        slowdown_low=float(np.exp(mean.low)),
        slowdown_high=float(np.exp(mean.high)),
        within_5=share_within(slowdowns, 0.05),
        within_5_low=max(near[0.05].low, 0.0),
        within_5_high=min(near[0.05].high, 1.0),
        within_10=share_within(slowdowns, 0.10),
        within_10_low=max(near[0.10].low, 0.0),
        within_10_high=min(near[0.10].high, 1.0),
        against_rule=float(np.expm1(paired.estimate)),
        against_rule_low=float(np.expm1(paired.low)),
        against_rule_high=float(np.expm1(paired.high)),
        verdict=_verdict(paired.estimate, paired.low, paired.high),
    )


def over_groups(
    values: "np.ndarray[Any, np.dtype[np.float64]]",
    groups: "np.ndarray[Any, Any]",
    seed: int,
) -> BootstrapInterval:
    """Bound a mean over groups, or by the jackknife where nearly all values are equal.

    A guarded policy mostly ties with the rule: resamples without the few differences have
    no spread, and a t ratio divides by it.

    Parameters
    ----------
    values : array of shape (problems,)
    groups : array of shape (problems,)
    seed : int
        Of the bootstrap.

    Returns
    -------
    BootstrapInterval
        At 95 %.
    """
    found = group_bootstrap(values, groups, rng=np.random.default_rng(seed))
    if np.isfinite([found.low, found.high]).all() and found.high - found.low < WIDE:
        return found
    return group_bootstrap(
        values, groups, rng=np.random.default_rng(seed), method="jackknife"
    )


def _verdict(estimate: float, low: float, high: float) -> str:
    if abs(estimate) < TIE or low <= 0 <= high:
        return "tie"
    return "better" if estimate < 0 else "worse"


def markdown_table(rows: Sequence[PolicyRow]) -> str:
    """Write the comparison as a Markdown table."""
    header = (
        "| policy | slowdown against the best [95 %] | within 10 % [95 %] "
        "| cost against the rule [95 %] | verdict |\n|---|---|---|---|---|"
    )
    lines = [
        f"| {markdown(row.policy)} | {row.slowdown:.3f} [{row.slowdown_low:.3f}, "
        f"{row.slowdown_high:.3f}] | {row.within_10:.0%} [{row.within_10_low:.0%}, "
        f"{row.within_10_high:.0%}] | {row.against_rule:+.1%} "
        f"[{row.against_rule_low:+.1%}, {row.against_rule_high:+.1%}] | {row.verdict} |"
        for row in rows
    ]
    return "\n".join([header, *lines])
