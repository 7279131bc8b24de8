"""A picture of experiment 006: what every runner paid, and whether that beats the rule."""

from collections.abc import Mapping
from math import exp
from pathlib import Path
from typing import Any

from toolkit.experiments.plot_file import write_plot

__all__ = ["plot_controllers"]

COLOURS = {
    "rule": "#999999",
    "best constant": "#c0a060",
    "learned": "#b03030",
    "aimd": "#3060a0",
    "vegas": "#308050",
    "gradient2": "#7050a0",
}


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
    for place, (name, colour) in enumerate(COLOURS.items()):
        for row, race in enumerate(races):
            found = next(r for r in race["runners"] if r["name"] == name)[figure]
            middle = exp(found["estimate"])
            axes.errorbar(
                [middle],
                [row + 0.12 * (place - 2.5)],
                xerr=[
                    [middle - exp(found["low"])],
                    [exp(found["high"]) - middle],
                ],
                fmt="o",
                ms=3,
                lw=1,
                color=colour,
                label=name if row == 0 else None,
            )
    axes.set_xscale("log")
    axes.set_xlabel(title)
