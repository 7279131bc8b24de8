"""Cost by action: what a batch of each size took."""

from typing import TYPE_CHECKING

from toolkit.escaping import plot_text
from toolkit.plots.canvas import MUTED, axes_for, known_rows, without_people

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_response"]


def plot_response(
    batches: "pd.DataFrame",
    *,
    by: str = "operation_type",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the seconds a successful operation by batch size, a line a kind.

    These are pooled medians: sizes were chosen, so a line is no effect. `matched_ratios`
    of the review compares like with like.

    Parameters
    ----------
    batches : DataFrame
        As `History.batches` gives it: `size`, `cycle_s`, `succeeded` and `by`; cycles
        with a person in them are left out.
    by : str
        Column whose values get a line each.
    ax : Axes, optional

    Returns
    -------
    Axes
        Both axes logarithmic; the band holds the middle half of the batches.

    Raises
    ------
    NotEnoughDataError
        No batch has a known cost.
    """
    rows = known_rows(batches, "size", "cycle_s", "succeeded", by, what="a response")
    rows = rows[(rows["succeeded"] > 0) & (rows["cycle_s"] > 0)]
    rows = without_people(rows, what="a response")
    cost = (rows["cycle_s"] / rows["succeeded"]).rename("cost")
    ax = axes_for(ax)
    for kind, costs in cost.groupby(rows[by].astype(str)):
        sizes = costs.groupby(rows["size"])
        low, middle, high = (sizes.quantile(share) for share in (0.25, 0.5, 0.75))
        (line,) = ax.plot(middle.index, middle, "o-", ms=3, label=plot_text(kind))
        ax.fill_between(low.index, low, high, color=line.get_color(), alpha=0.15, lw=0)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="operations in a batch",
        ylabel="seconds a successful operation",
    )
    ax.grid(color=MUTED, alpha=0.2)
    ax.legend(frameon=False, fontsize="small")
    return ax
