"""Time against money: what each number of agents gives for the same work."""

from typing import TYPE_CHECKING

from toolkit.plots.canvas import MUTED, axes_for, known_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_frontier"]


def plot_frontier(workflows: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Draw makespan against agent-seconds by number of agents.

    Where contexts were done with several numbers of agents, each is compared with one
    agent (or the fewest) in the same context; otherwise with the median of all.

    Parameters
    ----------
    workflows : DataFrame
        As `History.workflows` gives it: `agents`, `makespan_s`, `agent_seconds`, and
        `context_id` where contexts repeat.
    ax : Axes, optional

    Returns
    -------
    Axes
        A point a number of agents, joined in their order; what no point beats in both is
        the frontier.

    Raises
    ------
    NotEnoughDataError
        No workflow has both times.
    """
    rows = known_rows(
        workflows, "agents", "makespan_s", "agent_seconds", what="a frontier"
    )
    rows = rows[(rows["makespan_s"] > 0) & (rows["agent_seconds"] > 0)]
    rows = known_rows(rows, "agents", what="a frontier")
    columns = ["makespan_s", "agent_seconds"]
    relative = _relative_to_fewest(rows, columns)
    shown = "relative to the fewest agents in the same context"
    if relative is None:
        relative, shown = rows[["agents", *columns]], "medians of all waves, seconds"
    points = relative.groupby("agents")[columns].median()
    ax = axes_for(ax, width=5)
    ax.plot(points["agent_seconds"], points["makespan_s"], "o-", color="0.1", ms=4)
    for agents, point in points.iterrows():
        ax.annotate(
            f"{agents:g}",
            (point["agent_seconds"], point["makespan_s"]),
            xytext=(4, 4),
            textcoords="offset points",
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=f"agent-seconds ({shown})",
        ylabel="makespan",
    )
    ax.grid(color=MUTED, alpha=0.2)
    return ax


def _relative_to_fewest(
    rows: "pd.DataFrame", columns: list[str]
) -> "pd.DataFrame | None":
    """Divide by what the fewest agents took in the same context, where several were."""
    if "context_id" not in rows.columns:
        return None
    known = rows.dropna(subset=["context_id"])
    tried = known.groupby("context_id")["agents"].transform("nunique")
    means = known[tried > 1].groupby(["context_id", "agents"], as_index=False)[columns]
    table = means.mean().sort_values(["context_id", "agents"])
    if table.empty:
        return None
    fewest = table.groupby("context_id")[columns].transform("first")
    table[columns] = table[columns] / fewest
    return table
