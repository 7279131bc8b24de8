"""What each number of agents is expected to cost, as far as a bundle may say."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.bundle import Bundle, Manifest
from toolkit.policies import CostCurve, Gain, Problem
from toolkit.runtime.planning.performance import (
    ExpectedPerformance,
    expected_performance,
)

__all__ = ["AgentCosting", "price_exponent_of"]


def price_exponent_of(manifest: Manifest) -> float | None:
    """Read the money weight w of a bundle's cost, 0 to 1.

    `None` where the bundle does not state one that can be: time and money are then not
    known, and the plan says so.
    """
    section = manifest.extra.get("workflow")
    value = section.get("price_exponent") if isinstance(section, Mapping) else None
    if isinstance(value, (int, float)) and 0 <= value <= 1:
        return float(value)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCosting:
    """The cost curve of one task over the numbers of agents on offer.

    Attributes
    ----------
    bundle : Bundle
    problem : Problem
    curve : CostCurve
    components : float
    price_per_agent_s : float or None
    """

    bundle: Bundle
    problem: Problem
    curve: CostCurve
    components: float
    price_per_agent_s: float | None

    @property
    def price_exponent(self) -> float | None:
        """Money weight of the cost; `None` where the bundle does not state it."""
        return price_exponent_of(self.bundle.manifest)

    def supported(self) -> list[int]:
        """Rows of the problem that history supports and whose cost is a number."""
        enough = self.curve.support >= self.bundle.manifest.minimum_support
        return [
            int(i) for i in np.flatnonzero(enough & np.isfinite(self.curve.log_cost))
        ]

    def expect(self, index: int) -> ExpectedPerformance | None:
        """Expect the cost, time and money of one row; `None` where they are no numbers."""
        curve, manifest = self.curve, self.bundle.manifest
        bounds = (curve.log_cost[index], curve.log_low[index], curve.log_high[index])
        if not all(map(math.isfinite, bounds)):
            return None
        expected, low, high = map(float, bounds)
        try:
            return expected_performance(
                agents=int(self.problem.actions[index, 0]),
                log_cost=(expected, low, high),
                cost_unit=manifest.cost_unit,
                price_exponent=self.price_exponent,
                components=self.components,
                price_per_agent_s=self.price_per_agent_s,
                level=manifest.conformal.level,
                support=float(curve.support[index]),
            )
        except OverflowError:  # a logarithm whose cost is beyond what a float can hold
            return None

    def equivalent(self, index: int) -> tuple[int, int]:
        """Range of neighbouring supported counts that are not shown to be worse.

        A count is shown to be worse where the lower bound of its difference from the
        chosen one, at the guard's one-sided level, is above zero.
        """
        manifest = self.bundle.manifest
        gain = Gain(
            np.asarray(manifest.conformal.probabilities),
            np.asarray(manifest.conformal.differences),
        )
        supported = self.supported()
        same = {
            row
            for row in supported
            if gain.upper(
                float(self.curve.log_cost[row] - self.curve.log_cost[index]),
                level=1 - manifest.guard_level,
            )
            <= 0
        } | {index}
        ends = (_reach(index, same, supported, -1), _reach(index, same, supported, 1))
        counts = [int(self.problem.actions[row, 0]) for row in ends]
        return min(counts), max(counts)


def _reach(index: int, same: set[int], supported: list[int], step: int) -> int:
    """Last row of an unbroken run of equivalent ones, unsupported rows passed over."""
    end = index
    beyond = [row for row in supported if (row - index) * step > 0]
    for row in sorted(beyond, key=lambda row: abs(row - index)):
        if row not in same:
            break
        end = row
    return end
