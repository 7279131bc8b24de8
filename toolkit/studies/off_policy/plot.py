"""Pictures of experiment 005: the gate's power, and how often intervals hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.experiments.evaluation import write_plot
from toolkit.studies.off_policy.power import promoted_limit
from toolkit.studies.off_policy.report import (
    COVERAGE,
    doubly_robust_cells,
    equal_rates,
)

__all__ = ["plot_worlds"]

COLOURS = {
    "fitted": "#308050",
    "wrong": "#b03030",
    "half wrong": "#7050a0",
}
MARKS = {"value": "o", "difference": "D"}


def plot_worlds(found: Mapping[str, Any], path: Path) -> None:
    """Draw the results into an SVG or PNG file.

    Parameters
    ----------
    found : mapping
        As in `results.json` of the experiment.
    path : path
    """
    from matplotlib.figure import Figure

    cells = [c for c in doubly_robust_cells(found) if c["scenario"] != "drift"]
    tables = list(dict.fromkeys(cell["table"] for cell in cells))
    figure = Figure(figsize=(11, 2.5 + 0.35 * len(tables)), layout="constrained")
    power, coverage = figure.subplots(1, 2)
    _draw_power(power, found)
    _draw_coverage(coverage, cells, tables)
    write_plot(figure, path)


def _draw_power(axes: Any, found: Mapping[str, Any]) -> None:
    curve = found["parts"].get("gate power", {"rates": []})["rates"]
    for gain in sorted({rate["gain"] for rate in curve}):
        shown = [rate for rate in curve if rate["gain"] == gain]
        axes.plot(
            [rate["records"] for rate in shown],
            [rate["promoted"] / rate["worlds"] for rate in shown],
            "o-",
            label=f"gain {gain:g}" if gain else "no gain (A/A)",
        )
    equal = list(equal_rates(found))
    if equal:
        worlds = equal[0]["worlds"]
        limit = promoted_limit(worlds, found["spec"]["rules"]["error_rate"])
        axes.axhline(
            limit / worlds, color="black", ls="--", label=f"A/A limit {limit}/{worlds}"
        )
    axes.axhline(found["spec"]["rules"]["power"], color="grey", ls=":", lw=1)
    axes.set_xscale("log", base=2)
    records = sorted({rate["records"] for rate in curve})
    axes.set_xticks(records, [str(count) for count in records])
    axes.set_xlabel("records")
    axes.set_ylabel("share of worlds promoted")
    axes.set_title("promotion gate")
    if curve:
        axes.legend(fontsize=7)


def _draw_coverage(axes: Any, cells: list[dict[str, Any]], tables: list[str]) -> None:
    for model, colour in COLOURS.items():
        for quantity, mark in MARKS.items():
            shown = [
                c for c in cells if (c["model"], c["quantity"]) == (model, quantity)
            ]
            shift = 0.25 * (list(COLOURS).index(model) - 1)
            axes.plot(
                [100 * c["coverage"] for c in shown],
                [tables.index(c["table"]) + shift for c in shown],
                mark,
                color=colour,
                ms=4,
                label=f"{quantity}, {model} model",
            )
    for edge in COVERAGE:
        axes.axvline(100 * edge, color="black", ls="--", lw=1)
    axes.set_yticks(range(len(tables)))
    axes.set_yticklabels(tables, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("worlds whose 95 % interval holds the truth, %")
    axes.set_title("doubly robust, by table and scenario")
    if cells:
        axes.legend(fontsize=6, loc="lower right")
