"""A picture of experiment 006: what every runner paid, and whether that beats the rule."""

from collections.abc import Mapping
from math import exp
from pathlib import Path
from typing import Any

from toolkit.experiments.evaluation import write_plot

__all__ = ["plot_controllers"]

COLOURS = {
    "rule": "#999999",
    "best constant": "#c0a060",
    "learned": "#b03030",
    "aimd": "#3060a0",
    "vegas": "#308050",
    "gradient2": "#7050a0",
}

TICKS = (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0, 8.0)


def plot_controllers(found: Mapping[str, Any], path: Path) -> None:
    """Draw the races into an SVG or PNG file.

    Parameters
    ----------
    found : mapping
        As in `results.json` of the experiment.
    path : path
    """
    from matplotlib.figure import Figure

    races = found["races"]
    figure = Figure(figsize=(11, 2 + 0.6 * len(races)), layout="constrained")
    paid, gained = figure.subplots(1, 2, sharey=True)
    _draw(paid, races, "whole", "slowdown over all steps, against the oracle")
    _draw(gained, races, "against_rule", "cost over the rule's (left of 1 is cheaper)")
    paid.set_yticks(range(len(races)))
    paid.set_yticklabels([race["table"] for race in races], fontsize=8)
    paid.invert_yaxis()
    gained.axvline(1, color="black", lw=1)
    gained.legend(fontsize=7)
    write_plot(figure, path)


def _draw(axes: Any, races: list[dict[str, Any]], figure: str, title: str) -> None:
    from matplotlib.ticker import NullLocator, StrMethodFormatter

    for place, (name, colour) in enumerate(COLOURS.items()):
        found = [
            next(r for r in race["runners"] if r["name"] == name)[figure]
            for race in races
        ]
        low, middle, high = (
            [exp(each[bound]) for each in found]
            for bound in ("low", "estimate", "high")
        )
        rows = [row + 0.12 * (place - 2.5) for row in range(len(races))]
        axes.hlines(rows, low, high, color=colour, lw=1)
        axes.plot(middle, rows, "o", ms=3, color=colour, label=name)
    axes.set_xscale("log")
    axes.set_xticks([n for n in TICKS if axes.get_xlim()[0] < n < axes.get_xlim()[1]])
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(title)
