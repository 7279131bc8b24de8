"""Whether stated probabilities come true."""

from typing import TYPE_CHECKING

from toolkit.metrics import reliability, wilson
from toolkit.plots.canvas import MUTED, axes_for, known_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_calibration"]


def plot_calibration(
    answers: "pd.DataFrame", *, bins: int = 5, ax: "Axes | None" = None
) -> "Axes":
    """Draw how often what was stated came true, by what was stated.

    Parameters
    ----------
    answers : DataFrame
        `stated`, a probability from 0 to 1, and `came_true`.
    bins : int
        Of about equal width in what is stated.
    ax : Axes, optional

    Returns
    -------
    Axes
        The diagonal is perfect calibration; bars are what chance alone allows (Wilson,
        95 %).

    Raises
    ------
    NotEnoughDataError
        There is no answer.
    """
    rows = known_rows(answers, "stated", "came_true", what="a calibration")
    found = reliability(
        rows["stated"].to_numpy(float), rows["came_true"].to_numpy(bool), bins=bins
    )
    ax = axes_for(ax, width=4, height=4)
    ax.plot([0, 1], [0, 1], color=MUTED, lw=1)
    for each in found:
        bound = wilson(round(each.observed * each.count), each.count)
        ax.plot([each.stated] * 2, [bound.low, bound.high], color=MUTED)
        ax.plot(each.stated, each.observed, "o", color="0.1")
        ax.annotate(
            f"{each.count:,}",
            (each.stated, each.observed),
            xytext=(5, -3),
            textcoords="offset points",
            fontsize="x-small",
        )
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="stated", ylabel="came true")
    return ax
