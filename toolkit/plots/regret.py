"""Policies against the best action of each held-out context."""

from typing import TYPE_CHECKING

from toolkit.escaping import plot_text
from toolkit.plots.canvas import MUTED, axes_for, known_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_regret"]


def plot_regret(
    policies: "pd.DataFrame",
    *,
    noise_floor: float | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw each policy's slowdown with its interval, and the noise floor.

    Parameters
    ----------
    policies : DataFrame
        As `ExperimentResult.policies` gives it: `policy`, `slowdown`, `slowdown_low`,
        `slowdown_high`; a slowdown is chosen over best cost, at least about 1.
    noise_floor : float, optional
        Slowdown that the truly best action would itself measure.
    ax : Axes, optional

    Returns
    -------
    Axes
        One row a policy, in the frame's order.

    Raises
    ------
    NotEnoughDataError
        There is no policy.
    """
    columns = ("policy", "slowdown", "slowdown_low", "slowdown_high")
    rows = known_rows(policies, *columns, what="a comparison")
    ax = axes_for(ax, width=7, height=0.4 * len(rows) + 1.2)
    places = range(len(rows))
    ax.hlines(places, rows["slowdown_low"], rows["slowdown_high"], color=MUTED)
    ax.plot(rows["slowdown"], places, "o", color="0.1")
    ax.set_yticks(places, [plot_text(name) for name in rows["policy"]])
    ax.invert_yaxis()
    if noise_floor is not None:
        ax.axvline(noise_floor, linestyle=":", color=MUTED, label="noise floor")
        ax.legend(frameon=False)
    ax.set_xlabel("cost over the best (geometric mean, 95 % interval)")
    return ax
