"""The picture of an experiment: slowdowns of the policies with their intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.experiments.evaluation.result import PolicyRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["policy_figure"]


def policy_figure(rows: Sequence[PolicyRow], results: dict[str, Any]) -> "Figure":
    """Draw each policy's slowdown with its interval, and the noise floor.

    Parameters
    ----------
    rows : sequence of PolicyRow
    results : dict
        As in `results.json`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.4 * len(rows) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for place, row in enumerate(reversed(rows)):
        axes.plot([row.slowdown_low, row.slowdown_high], [place, place], color="0.5")
        axes.plot(row.slowdown, place, "o", color="0.1")
    axes.set_yticks(range(len(rows)), [row.policy for row in reversed(rows)])
    floor = results["evaluation"]["noise_floor"]
    if floor is not None:
        axes.axvline(floor, linestyle=":", color="0.5", label="noise floor")
        axes.legend()
    axes.set_xlabel("cost over the best (geometric mean, 95 % interval)")
    return figure
