"""The review: everything that is said of a history, from one reading of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from toolkit.errors import UsageError
from toolkit.history import Dataset, History, PriceBook, Spark, installed_prices
from toolkit.review.change import Change, changes
from toolkit.review.facts import Facts, TimeRange, read_facts
from toolkit.review.figure import Figure
from toolkit.review.loss import Losses, losses
from toolkit.review.matching import MatchedRatio, matched_ratios
from toolkit.review.merge import Bounds, merging
from toolkit.review.saving import cached_reads_usd
from toolkit.review.spent import Spending, spending
from toolkit.review.wave import Waves, waves

__all__ = ["Review", "review", "review_facts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a team's batch sizes and agents cost, and what would have been cheaper.

    Attributes
    ----------
    facts : Facts
        What was counted.
    spent : Spending
    merging : mapping of str to Bounds
        By kind of work, and `all`.
    losses : Losses
    waves : Waves
    matched : tuple of MatchedRatio
    """

    facts: Facts
    spent: Spending
    merging: Mapping[str, Bounds]
    losses: Losses
    waves: Waves
    matched: tuple[MatchedRatio, ...]

    def __str__(self) -> str:
        """Write the screen of `toolkit review`, verdict first."""
        from toolkit.review.text import render_text

        return render_text(self)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The three changes that are worth most."""
        return changes(self)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Time of the first and of the last batch."""
        at = self.facts.batches["at_s"]
        return (
            datetime.fromtimestamp(float(at[0]), UTC),
            datetime.fromtimestamp(float(at[-1]), UTC),
        )

    def figures(self) -> Iterator[Figure]:
        """Yield every figure that has records behind it.

        Yields
        ------
        Figure
        """
        yield from self.spent.figures
        for bounds in self.merging.values():
            yield from bounds.figures
        yield from self.losses.figures
        yield from self.waves.figures
        for each in self.matched:
            yield Figure(
                name=f"matched.{each.work}.{each.sizes}",
                value=each.ratio,
                unit="ratio",
                low=each.low,
                high=each.high,
                records=each.records,
                how="seconds per operation over those of single batches of the same "
                "session, agent, work and model; geometric mean",
            )

    def explain(self, name: str) -> Figure:
        """Return the figure of that name, with its records.

        Parameters
        ----------
        name : str
            As the review prints it beside a figure.

        Returns
        -------
        Figure

        Raises
        ------
        UsageError
            There is no such figure.
        """
        named = {figure.name: figure for figure in self.figures()}
        if name not in named:
            raise UsageError.unknown("figure", name, sorted(named))
        return named[name]

    def unsaid(self) -> list[str]:
        """List what this history cannot say, and why.

        Returns
        -------
        list of str
            One sentence each.
        """
        return _unsaid(self)

    def to_json(self) -> dict[str, Any]:
        """Return every figure by its name, the estimates, the changes and the limits.

        Returns
        -------
        dict
            JSON types by field name.
        """
        first, last = self.span
        return {
            "since": first.isoformat(),
            "until": last.isoformat(),
            "sessions": len(set(self.facts.batches["session"])),
            "projects": len(set(self.facts.batches["project"])),
            "figures": {
                figure.name: figure.to_json()
                for figure in self.figures()
                if np.isfinite(figure.value)
            },
            "matched": [each.to_json() for each in self.matched],
            "changes": [
                {
                    "what": change.what,
                    "seconds": list(change.seconds),
                    "money_usd": list(change.money_usd),
                    "evidence": change.evidence,
                    "figure": change.figure,
                }
                for change in self.changes
            ],
            "cannot_say": self.unsaid(),
        }


def review(
    history: History | Dataset,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    seed: int = 0,
    spark: Spark | None = None,
) -> Review:
    """Review a history.

    Parameters
    ----------
    history : History or Dataset
        It is only read.
    since, until : datetime, optional
        Aware; from the first and before the second. Everything if not given.
    seed : int
        Draws the resamples of the intervals.
    spark : Spark, optional
        Where the records are read and joined; DuckDB unless given.

    Returns
    -------
    Review
        Printed, it is the screen of `toolkit review`.

    Raises
    ------
    NotEnoughDataError
        The history holds no batch of that time.
    """
    dataset = history.dataset if isinstance(history, History) else history
    return review_facts(
        read_facts(dataset, TimeRange(since=since, until=until), spark=spark),
        rng=np.random.default_rng(seed),
        prices=installed_prices(),
    )


def review_facts(
    facts: Facts,
    *,
    rng: np.random.Generator,
    prices: PriceBook | None = None,
) -> Review:
    """Review facts that were read already.

    Parameters
    ----------
    facts : Facts
    rng : numpy.random.Generator
        Draws the resamples of the intervals.
    prices : PriceBook, optional
        Prices the cache reads that merged turns would have saved.

    Returns
    -------
    Review
    """
    cached = None if prices is None else cached_reads_usd(facts.batches, prices)
    return Review(
        facts=facts,
        spent=spending(facts),
        merging=merging(facts.batches, cached),
        losses=losses(facts.batches),
        waves=waves(facts.waves),
        matched=tuple(matched_ratios(facts.batches, rng=rng)),
    )


def _unsaid(found: Review) -> list[str]:
    batches = found.facts.batches
    said = []
    censored = float(np.mean(batches["censored"]))
    said.append(
        f"{censored:.0%} of the batches have a cycle in which a person, a permission or "
        "a sleeping machine may have taken part; they are in no estimate of time."
    )
    unclear = found.merging["all"].unclear
    if unclear:
        said.append(
            f"For {unclear:,} pairs of turns the log holds no texts, so what needed what "
            "is unknown: they are in the upper bounds only."
        )
    unpriced = found.spent.money.unknown
    if unpriced:
        said.append(
            f"{unpriced:,} replies ({found.spent.unpriced:.1%} of the tokens) have no "
            "known price."
        )
    said += [
        f"The effect of {each.sizes} in a batch of {each.work} is not identified: "
        + (
            f"a placebo ({' and '.join(each.failed_placebos)}) excludes 1."
            if each.failed_placebos
            else "too few pairs have a placebo."
        )
        for each in found.matched
        if not each.identified
    ]
    said.append(
        "What a shell command or another tool changed is not visible, so whether two of "
        "them could have run together is not counted."
    )
    return said
