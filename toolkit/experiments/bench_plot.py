"""One picture of a benchmark: slowdown by line and table, and by own runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.experiments.bench_decisions import BUDGETS, OURS, few_shot

__all__ = ["plot_report"]

SHOWN = ("rule", "best constant", "simple ensemble", OURS, few_shot(OURS, 3))
COLOURS = ("#999999", "#c0a060", "#7090b0", "#b03030", "#308050")


def plot_report(figures: Mapping[str, Any], path: Path) -> None:
    """Draw a report of `bench_report.report` into a PNG or SVG file.

    Parameters
    ----------
    figures : mapping
    path : path
    """
    from matplotlib.figure import Figure

    tables = figures["tables"]
    figure = Figure(figsize=(11, 0.55 * len(tables) + 2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for line, colour in zip(SHOWN, COLOURS, strict=True):
        shown = [row["lines"].get(line) for row in tables]
        places = [at for at, found in enumerate(shown) if found is not None]
        values = [found["slowdown"] for found in shown if found is not None]
        left.plot(values, places, "o", color=colour, label=line)
    left.set_yticks(range(len(tables)))
    left.set_yticklabels([f"{row['table']}, {row['cost']}" for row in tables])
    left.set_xscale("log")
    left.set_xlabel("geometric mean of chosen / best cost")
    left.invert_yaxis()
    left.legend(fontsize=7)
    _draw_runs(right, figures["pooled"]["mean_log_slowdown"])
    figure.savefig(path)


def _draw_runs(axes: Any, pooled: Mapping[str, float]) -> None:
    ours = [pooled[OURS], *(pooled[few_shot(OURS, k)] for k in BUDGETS)]
    alone = [pooled[few_shot("own runs only", k)] for k in BUDGETS]
    axes.plot(
        [0, *BUDGETS], ours, "o-", color=COLOURS[4], label="history, then own runs"
    )
    axes.plot(BUDGETS, alone, "o--", color=COLOURS[0], label="own runs only")
    axes.set_xlabel("own runs of the problem at hand")
    axes.set_ylabel("mean slowdown over tables")
    axes.set_yscale("log")
    axes.legend(fontsize=8)
