"""Waves of agents: what running beside each other brought."""

from typing import TYPE_CHECKING

from toolkit.plots.canvas import MUTED, axes_for, known_rows, without_people

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_waves"]


def plot_waves(workflows: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Draw the speed-up of each wave by its number of agents.

    Parameters
    ----------
    workflows : DataFrame
        As `History.workflows` gives it: `agents`, `makespan_s`, `agent_seconds`; waves
        with a person in them are left out.
    ax : Axes, optional

    Returns
    -------
    Axes
        A point a wave, a bar at each median, and the line that no wave can pass.

    Raises
    ------
    NotEnoughDataError
        No wave has both times.
    """
    rows = known_rows(workflows, "agents", "makespan_s", "agent_seconds", what="waves")
    rows = without_people(rows[rows["makespan_s"] > 0], what="waves")
    speed_up = rows["agent_seconds"] / rows["makespan_s"]
    ax = axes_for(ax)
    most = float(rows["agents"].max())
    ax.plot([1, most], [1, most], color=MUTED, lw=1, label="every agent busy all along")
    ax.plot(rows["agents"], speed_up, "o", color="tab:blue", alpha=0.4, ms=4)
    medians = speed_up.groupby(rows["agents"]).median()
    ax.plot(medians.index, medians, "_", color="0.1", ms=16, mew=2, label="median")
    ax.set(xlabel="agents at once", ylabel="agent-seconds / makespan")
    ax.legend(frameon=False, fontsize="small")
    return ax
