"""How often each action was taken: where a recommendation has history behind it."""

from typing import TYPE_CHECKING

from toolkit.escaping import plot_text
from toolkit.plots.canvas import axes_for, known_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_support"]


def plot_support(
    rows: "pd.DataFrame",
    *,
    action: str = "size",
    by: str = "operation_type",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw how many rows there are of each action and kind.

    Parameters
    ----------
    rows : DataFrame
        As `History.batches` gives it, or `History.workflows` with ``action="agents"``.
    action, by : str
        Columns of the action and of the kinds.
    ax : Axes, optional

    Returns
    -------
    Axes
        A row a kind, a column an action; the shade is the logarithm of the count.

    Raises
    ------
    NotEnoughDataError
        No row has both.
    """
    import numpy as np
    import pandas as pd

    known = known_rows(rows, action, by, what="the support")
    counts = pd.crosstab(known[by].astype(str), known[action].astype(int))
    height = 0.35 * len(counts) + 1.4
    ax = axes_for(ax, width=max(0.4 * counts.shape[1] + 2, 5), height=height)
    ax.imshow(np.log1p(counts.to_numpy()), aspect="auto", cmap="Blues")
    for place, row in enumerate(counts.to_numpy()):
        for column, count in enumerate(row):
            if count:
                dark = count > counts.to_numpy().max() ** 0.6
                ax.text(
                    column,
                    place,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    fontsize="x-small",
                    color="white" if dark else "black",
                )
    ax.set_xticks(range(counts.shape[1]), [str(value) for value in counts.columns])
    ax.set_yticks(range(len(counts)), [plot_text(name) for name in counts.index])
    ax.set_xlabel(action.replace("_", " "))
    return ax
