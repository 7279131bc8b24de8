"""Names the changes that are worth most, and the rules to paste for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.policies import RULE_TEXTS

if TYPE_CHECKING:
    from toolkit.review.history_review import Review
    from toolkit.review.matching import MatchedRatio

__all__ = ["Change", "changes", "rules"]

MOST_CHANGES = 3
MOST_RULES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something to do otherwise, with what it is worth and the evidence.

    Attributes
    ----------
    what : str
        One sentence in the imperative.
    rule : str
        The same as a rule for an agent's instructions.
    seconds : tuple of float
        At least and at most, over the whole period.
    money_usd : tuple of float
        The same in US dollars; zeros where nothing is priced.
    evidence : str
        The figures behind it.
    figure : str
        Name of the figure to ask `--explain` for.
    """

    what: str
    rule: str
    seconds: tuple[float, float]
    money_usd: tuple[float, float]
    evidence: str
    figure: str


_MERGES = {
    "read": ("Read several files in one turn where their names are known.", "reads"),
    "edit": ("Edit different files in one turn.", "edits"),
    "todo": ("Update the todo list beside the work, not in a turn alone.", "todo"),
}
"""By kind of work: what to do, and the name of its rule."""


def changes(review: "Review") -> tuple[Change, ...]:
    """Rank what could have been cheaper by the middle of its bounds.

    Parameters
    ----------
    review : Review

    Returns
    -------
    tuple of Change
        At most three, the most valuable first; those worth nothing are left out.
    """
    found = [*_merge_changes(review), *_agent_changes(review), *_loss_changes(review)]
    worth = [change for change in found if change.seconds[1] > 0]
    worth.sort(key=lambda change: -sum(change.seconds))
    return tuple(worth[:MOST_CHANGES])


def _merge_changes(review: "Review") -> list[Change]:
    made = []
    for kind, (what, rule) in _MERGES.items():
        bounds = review.merging[kind]
        lower, upper = bounds.turns
        evidence = f"{lower.value:,.0f} to {upper.value:,.0f} turns"
        matched = _ratio_of(review.matched, kind)
        if matched is not None:
            evidence += (
                f"; two together took {matched.ratio:.2f} of the time an operation "
                f"[{matched.low:.2f}, {matched.high:.2f}]"
            )
            evidence += "" if matched.identified else ", not identified"
        made.append(
            Change(
                what=what,
                rule=RULE_TEXTS[rule],
                seconds=(bounds.latency[0].value, bounds.latency[1].value),
                money_usd=(bounds.money[0].value, bounds.money[1].value),
                evidence=evidence,
                figure=f"merge.{kind}.turns.upper",
            )
        )
    return made


def _agent_changes(review: "Review") -> list[Change]:
    missed = review.waves.missed
    return [
        Change(
            what="Start independent agents together instead of one after another.",
            rule=RULE_TEXTS["agents"],
            seconds=(0.0, missed.value),
            money_usd=(0.0, 0.0),
            evidence=f"{len(missed.records)} single runs followed one another within a "
            "minute; whether one needed another is not known",
            figure=missed.name,
        )
    ]


def _loss_changes(review: "Review") -> list[Change]:
    lost = review.losses
    return [
        Change(
            what="Keep calls that may fail out of large batches.",
            rule=RULE_TEXTS["failures"],
            seconds=(lost.reissued.value, lost.reissued.value),
            money_usd=(0.0, 0.0),
            evidence=f"{lost.siblings.value:,.0f} calls given up in "
            f"{lost.cascades.value:,.0f} batches",
            figure=lost.siblings.name,
        )
    ]


def _ratio_of(matched: Sequence["MatchedRatio"], work: str) -> "MatchedRatio | None":
    return next((each for each in matched if each.work == work), None)


def rules(review: "Review") -> list[str]:
    """Write the findings as rules to paste into an agent's instructions.

    Parameters
    ----------
    review : Review

    Returns
    -------
    list of str
        At most 12 lines; each rule carries its evidence and bounds.
    """
    lines = ["## Batching (from this project's own history)"]
    for change in changes(review):
        low, high = (seconds / 60 for seconds in change.seconds)
        lines.append(f"- {change.rule}")
        lines.append(f"  Worth {low:,.0f} to {high:,.0f} minutes: {change.evidence}.")
    if len(lines) == 1:
        lines.append("- Nothing here was shown to be worth changing.")
    return lines[:MOST_RULES]
