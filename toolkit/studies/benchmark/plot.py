"""One picture of a benchmark: lines by table, own runs, intervals, and records."""

from collections.abc import Mapping, Sequence
from math import log2
from pathlib import Path
from typing import Any

from toolkit.experiments.evaluation import write_plot
from toolkit.studies.benchmark.decisions import BUDGETS, OURS, few_shot

__all__ = ["plot_report"]

SHOWN = ("rule", "best constant", "simple ensemble", OURS, few_shot(OURS, 3))
COLOURS = ("#999999", "#c0a060", "#7090b0", "#b03030", "#308050")


def plot_report(figures: Mapping[str, Any], path: Path) -> None:
    """Draw a report of `bench_report.report` into a PNG or SVG file.

    Parameters
    ----------
    figures : mapping
        With `sample_efficiency`, records are drawn too.
    path : path
    """
    from matplotlib.figure import Figure

    tables = figures["tables"]
    measured = figures.get("sample_efficiency", [])
    height = max(0.55 * len(tables) + 2, 8)
    figure = Figure(figsize=(11, height), layout="constrained")
    halves: Any = figure.subfigures(1, 2)
    left, right = halves
    _draw_lines(left.subplots(), tables)
    panels = right.subplots(2 + bool(measured), 1)
    _draw_runs(panels[0], figures["pooled"]["mean_log_slowdown"])
    _draw_trade_off(panels[1], figures["calibration"]["trade_off"])
    if measured:
        _draw_records(panels[2], measured)
    write_plot(figure, path)


def _draw_lines(axes: Any, tables: Sequence[Mapping[str, Any]]) -> None:
    for line, colour in zip(SHOWN, COLOURS, strict=True):
        shown = [row["lines"].get(line) for row in tables]
        places = [at for at, found in enumerate(shown) if found is not None]
        values = [found["slowdown"] for found in shown if found is not None]
        axes.plot(values, places, "o", color=colour, label=line)
    axes.set_yticks(range(len(tables)))
    axes.set_yticklabels([f"{row['table']}, {row['cost']}" for row in tables])
    axes.set_xscale("log")
    axes.set_xlabel("geometric mean of chosen / best cost")
    axes.invert_yaxis()
    axes.legend(fontsize=7)


def _draw_runs(axes: Any, pooled: Mapping[str, float]) -> None:
    ours = [pooled[OURS], *(pooled[few_shot(OURS, k)] for k in BUDGETS)]
    alone = [pooled[few_shot("own runs only", k)] for k in BUDGETS]
    axes.plot(
        [0, *BUDGETS], ours, "o-", color=COLOURS[4], label="history, then own runs"
    )
    axes.plot(BUDGETS, alone, "o--", color=COLOURS[0], label="own runs only")
    axes.set_xlabel("own runs of the problem at hand")
    axes.set_ylabel("mean slowdown")
    axes.legend(fontsize=8)


def _draw_trade_off(axes: Any, points: Sequence[Mapping[str, float]]) -> None:
    widths = [point["half_width_factor"] for point in points]
    for name, label, colour in (
        ("coverage_over_groups", "mean coverage of groups", COLOURS[2]),
        ("share_of_groups_under_80", "groups under 80 %", COLOURS[3]),
    ):
        axes.plot(
            widths, [point[name] for point in points], "o-", color=colour, label=label
        )
    chosen = next(p for p in points if p["widened_by"] == 1)
    axes.axvline(chosen["half_width_factor"], color=COLOURS[0], linestyle=":")
    axes.set_xlabel("half-width factor of the intervals (dotted: ours)")
    axes.set_ylabel("share")
    axes.legend(fontsize=8)


def _draw_records(axes: Any, measured: Sequence[Mapping[str, Any]]) -> None:
    for place, row in enumerate(measured):
        counts = [int(count) for count in row["slowdowns"]]
        axes.plot(
            [log2(count) for count in counts],
            list(row["slowdowns"].values()),
            marker="o",
            color=f"C{place % 10}",
            linestyle="-" if place < 10 else "--",
            label=f"{row['table']}, {row['cost']}",
        )
    shown = sorted({int(count) for row in measured for count in row["slowdowns"]})
    axes.set_xticks([log2(count) for count in shown], [str(count) for count in shown])
    axes.set_xlabel("records of other groups")
    axes.set_ylabel("mean slowdown")
    axes.legend(fontsize=5, ncols=2)
