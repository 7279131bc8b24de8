"""Counts what too large batches lost: siblings, refusals, interruptions (section 3)."""

from dataclasses import dataclass

import numpy as np

from toolkit.review.facts import Columns
from toolkit.review.figure import Figure, total

__all__ = ["Losses", "losses"]

BELIEVABLE_PARALLELISM = 1.05
"""Sum of the calls' durations over their makespan from which calls overlapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What batches lost to their own size.

    Attributes
    ----------
    siblings, refused, interrupted : Figure
        Operations; three things, counted apart.
    cascades : Figure
        Batches in which a failing call took siblings along.
    reissued : Figure
        Seconds of the batches right after a cascade: what doing it again took.
    serial : Figure
        Seconds of batches of several calls that ran one after another.
    """

    siblings: Figure
    refused: Figure
    interrupted: Figure
    cascades: Figure
    reissued: Figure
    serial: Figure

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them, in order."""
        return (
            self.siblings,
            self.refused,
            self.interrupted,
            self.cascades,
            self.reissued,
            self.serial,
        )


def losses(batches: Columns) -> Losses:
    """Count what batches lost to failing siblings, and what ran one after another.

    Parameters
    ----------
    batches : mapping of str to ndarray
        As `Facts.batches`.

    Returns
    -------
    Losses
    """
    records, cascade = batches["record_id"], batches["siblings"] > 0
    after = np.isin(batches["previous"].astype(str), records[cascade].astype(str))
    serial = (
        (batches["calls"] > 1)
        & np.isfinite(batches["operations_s"])
        & (batches["operations_s"] <= BELIEVABLE_PARALLELISM * batches["execution_s"])
        & (batches["work"] != "todo")
    )

    def added(name: str, unit: str, column: str, mask: np.ndarray, how: str) -> Figure:
        return total(f"lost.{name}", unit, batches[column], records, mask, how=how)

    return Losses(
        siblings=added(
            "siblings",
            "operations",
            "siblings",
            cascade,
            "calls given up because another call of their batch failed",
        ),
        refused=added(
            "refused",
            "operations",
            "refused",
            batches["refused"] > 0,
            "calls that a person did not allow",
        ),
        interrupted=added(
            "interrupted",
            "operations",
            "interrupted",
            batches["interrupted"] > 0,
            "calls stopped while at work",
        ),
        cascades=total(
            "lost.cascades",
            "batches",
            np.ones(len(records)),
            records,
            cascade,
            how="batches in which a failing call took siblings along",
        ),
        reissued=added(
            "reissued",
            "s",
            "cycle_s",
            after,
            "cycles of the batches right after a cascade",
        ),
        serial=added(
            "serial",
            "s",
            "execution_s",
            serial,
            "batches of several calls whose durations add up to their makespan",
        ),
    )
