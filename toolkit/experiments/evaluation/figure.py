"""The picture of an experiment: slowdowns of the policies with their intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.experiments.evaluation.result import PolicyRow
from toolkit.plots import plot_regret

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

    Returns
    -------
    matplotlib.figure.Figure
    """
    import pandas as pd
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.4 * len(rows) + 1.2), layout="constrained")
    plot_regret(
        pd.DataFrame([row.to_json() for row in rows]),
        noise_floor=results["evaluation"]["noise_floor"],
        ax=figure.add_subplot(),
    )
    return figure
