"""Whether constraints were kept as often as was asked."""

from typing import TYPE_CHECKING

from toolkit.plots.canvas import MUTED, axes_for, known_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_constraints"]


def plot_constraints(rows: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Draw how often each constraint was kept on groups left out, and what was asked.

    Parameters
    ----------
    rows : DataFrame
        From `ExperimentResult.constraints`.
    ax : Axes, optional

    Returns
    -------
    Axes
        Points with their 95 % intervals; a bar across where the asked probability lies,
        a cross where the ladder without constraints would have been.

    Raises
    ------
    NotEnoughDataError
        Nothing was said to be kept.
    """
    shown = known_rows(rows, "kept", what="a plot of constraints")
    ax = axes_for(ax, width=4.5, height=1.2 + 0.5 * len(shown))
    for place, row in enumerate(shown.to_dict(orient="records")):
        ax.plot([row["kept_low"], row["kept_high"]], [place] * 2, color=MUTED)
        ax.plot(row["kept"], place, "o", color="0.1")
        ax.plot(row["kept_free"], place, "x", color=MUTED)
        ax.plot([row["probability"]] * 2, [place - 0.3, place + 0.3], color="0.1")
    names = [
        f"{name} ≤ {limit:g}"
        for name, limit in zip(shown["constraint"], shown["at_most"], strict=True)
    ]
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(0, 1.02), ylim=(-0.6, len(names) - 0.4), xlabel="kept")
    return ax
