"""Draws the pictures of a review as SVG, with the numbers that they show.

Matplotlib draws them: its SVG needs no script, so the report stays one file that prints,
works without a network and runs nothing. Colours are placeholders that become CSS
variables, so one picture serves a light and a dark page.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import MissingExtraError
from toolkit.escaping import plot_text
from toolkit.review.facts import Columns
from toolkit.review.history_review import Review
from toolkit.review.merge import KINDS, in_total, mergeable
from toolkit.review.spent import spending_by

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Drawing", "draw"]

INK, MUTED, PAPER = "#010101", "#010102", "#010103"
SERIES = ("#010104", "#010105", "#010106", "#010107", "#010108")
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    PAPER: "var(--paper)",
    **{colour: f"var(--series-{at})" for at, colour in enumerate(SERIES, start=1)},
}
"""Colours that stand for variables of the page's style sheet."""

MOST_CALLS = 60
"""Batches of the session that is drawn as a graph."""

SVG_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "review",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One picture, with the numbers behind it.

    Attributes
    ----------
    name, title, caption : str
    svg : str
        An `svg` element without scripts or references.
    header : tuple of str
    rows : tuple of tuple
        What the picture shows, for a CSV file.
    """

    name: str
    title: str
    caption: str
    svg: str
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def draw(found: Review) -> list[Drawing]:
    """Draw every picture that the history has data for.

    Parameters
    ----------
    found : Review

    Returns
    -------
    list of Drawing

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    """
    painters: Sequence[Callable[[Review], Drawing | None]] = (
        _time_by_week,
        _bounds,
        _cost_by_size,
        _sizes_by_half,
        _waves,
        _session,
    )
    return [made for paint in painters if (made := paint(found)) is not None]


def _painted(
    paint: Callable[["Axes"], None], label: str, size: tuple[float, float] = (7.5, 3.0)
) -> str:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("the pictures of a report", "report") from error
    with mpl.rc_context(SVG_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    opening, rest = svg.split(">", 1)
    return f'{opening} role="img" aria-label="{label}">{rest}'


def _time_by_week(found: Review) -> Drawing:
    parts = spending_by(found.facts, "week")
    weeks = list(parts)
    models = [spent.latency.value / 3600 for spent in parts.values()]
    calls = [spent.working.value / 3600 for spent in parts.values()]

    def paint(axes: "Axes") -> None:
        axes.bar(weeks, models, color=SERIES[0], label="models")
        axes.bar(weeks, calls, bottom=models, color=SERIES[1], label="calls")
        axes.set_ylabel("hours")
        axes.set_xticks(range(len(weeks)), weeks, rotation=30, ha="right")
        axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))

    return Drawing(
        name="time-by-week",
        title="Where the time went",
        caption="Latency of models and duration of calls, by week (from Monday, UTC). "
        "Waiting for people is in neither.",
        svg=_painted(paint, "Hours of models and calls by week"),
        header=("week", "models_hours", "calls_hours"),
        rows=tuple(zip(weeks, models, calls, strict=True)),
    )


def _bounds(found: Review) -> Drawing:
    kinds = ("all", *KINDS)
    pairs = [found.merging[kind].latency for kind in kinds]
    lower = [pair[0].value / 60 for pair in pairs]
    upper = [pair[1].value / 60 for pair in pairs]

    def paint(axes: "Axes") -> None:
        axes.barh(kinds, upper, color=SERIES[2], label="at most")
        axes.barh(kinds, lower, color=SERIES[0], label="at least")
        axes.invert_yaxis()
        axes.set_xlabel("minutes of model latency")
        axes.legend(frameon=False)

    return Drawing(
        name="bounds",
        title="What batching could have saved",
        caption="Turns that could have ridden with the one before: at least (their "
        "arguments were known), and at most (nothing excludes it).",
        svg=_painted(paint, "Lower and upper bound of minutes saved, by kind"),
        header=("kind", "minutes_at_least", "minutes_at_most"),
        rows=tuple(zip(kinds, lower, upper, strict=True)),
    )


def _cost_by_size(found: Review) -> Drawing | None:
    if not found.matched:
        return None
    rows = [
        (each.work, each.sizes, name, *values)
        for each in found.matched
        for name, values in (
            ("effect", (each.ratio, each.low, each.high)),
            ("placebo before", each.before),
            ("placebo after", each.after),
        )
        if values is not None
    ]
    labels = list(dict.fromkeys(f"{row[0]} {row[1]}" for row in rows))

    def paint(axes: "Axes") -> None:
        looks = (
            ("effect", "o", 0),
            ("placebo before", "s", 3),
            ("placebo after", "^", 4),
        )
        for shift, (name, marker, colour) in enumerate(looks):
            chosen = [row for row in rows if row[2] == name]
            at = [
                labels.index(f"{row[0]} {row[1]}") + 0.22 * (shift - 1)
                for row in chosen
            ]
            middle = np.array([row[3] for row in chosen])
            spread = [
                np.maximum(middle - [row[4] for row in chosen], 0),
                np.maximum(np.array([row[5] for row in chosen]) - middle, 0),
            ]
            axes.errorbar(
                at,
                middle,
                yerr=spread,
                fmt=marker,
                color=SERIES[colour],
                capsize=2,
                label=name,
            )
        axes.axhline(1, color=MUTED, linewidth=0.8)
        axes.set_yscale("log")
        axes.set_ylim(0.1, 10)
        axes.set_yticks(
            [0.1, 0.25, 0.5, 1, 2, 4], ["0.1", "0.25", "0.5", "1", "2", "4"]
        )
        axes.minorticks_off()
        shown = list(map(plot_text, labels))
        axes.set_xticks(range(len(labels)), shown, rotation=30, ha="right")
        axes.set_ylabel("ratio to single batches")
        axes.legend(frameon=False, ncols=3)

    return Drawing(
        name="cost-by-size",
        title="What a batch size does",
        caption="Seconds per operation over those of single batches of the same session, "
        "agent, work and model, with 95 % intervals. A placebo away from 1 means that "
        "the effect is not identified.",
        svg=_painted(paint, "Matched ratios by batch size with two placebos"),
        header=("work", "sizes", "what", "ratio", "low", "high"),
        rows=tuple(rows),
    )


def _sizes_by_half(found: Review) -> Drawing:
    batches = found.facts.batches
    calls = np.minimum(batches["calls"].astype(int), 6)
    middle = np.median(batches["at_s"])
    halves = {
        "first half": calls[batches["at_s"] <= middle],
        "second half": calls[batches["at_s"] > middle],
    }
    sizes = range(1, 7)
    shares = {
        name: [float(np.mean(part == size)) if len(part) else 0.0 for size in sizes]
        for name, part in halves.items()
    }
    names = [str(size) if size < 6 else "6+" for size in sizes]

    def paint(axes: "Axes") -> None:
        for at, (name, part) in enumerate(shares.items()):
            places = np.arange(6) + 0.4 * at - 0.2
            axes.bar(places, part, width=0.38, color=SERIES[at], label=name)
        axes.set_xticks(range(6), names)
        axes.set_xlabel("calls in one batch")
        axes.set_ylabel("share of batches")
        axes.legend(frameon=False)

    return Drawing(
        name="batch-sizes",
        title="Batch sizes, before and after",
        caption="Calls in one batch in the first and in the second half of the batches.",
        svg=_painted(paint, "Share of batches by number of calls, in two halves"),
        header=("calls", "first_half", "second_half"),
        rows=tuple(zip(names, *shares.values(), strict=True)),
    )


def _waves(found: Review) -> Drawing | None:
    waves = found.facts.waves
    rows = np.flatnonzero(np.isfinite(waves["makespan_s"]))
    if not len(rows):
        return None
    longest = rows[np.argsort(-waves["makespan_s"][rows])][:40]
    shown = longest[np.argsort(waves["at_s"][longest])]

    def paint(axes: "Axes") -> None:
        widths = waves["makespan_s"][shown] / 60
        agents = waves["agents"][shown].astype(int)
        colours = [SERIES[min(count, 5) - 1] for count in agents]
        axes.barh(range(len(shown)), widths, color=colours)
        for place, (width, count) in enumerate(zip(widths, agents, strict=True)):
            if count > 1:
                axes.annotate(
                    f" {count} agents", (width, place), va="center", fontsize=8
                )
        axes.invert_yaxis()
        axes.set_yticks([])
        axes.set_ylabel("waves, in order of time")
        axes.set_xlabel("minutes")

    return Drawing(
        name="waves",
        title="Waves of agents",
        caption="The longest waves in order of time; the number of agents at once is "
        "beside those with more than one.",
        svg=_painted(paint, "Waves of agents by makespan", (7.5, 3.6)),
        header=("record", "agents", "makespan_s", "agent_seconds"),
        rows=tuple(
            (
                str(waves["record_id"][row]),
                int(waves["agents"][row]),
                float(waves["makespan_s"][row]),
                float(waves["agent_seconds"][row]),
            )
            for row in shown
        ),
    )


def _session(found: Review) -> Drawing | None:
    """Draw one session as its graph: a node a batch, an edge for what needed what."""
    batches = found.facts.batches
    rides = in_total(mergeable(batches))
    lower, upper = rides.lower, rides.upper
    rows = _most_telling(batches, upper)
    if len(rows) < 2:
        return None
    place = {batches["record_id"][row]: at for at, row in enumerate(rows)}

    def paint(axes: "Axes") -> None:
        for at, row in enumerate(rows):
            before = place.get(batches["previous"][row])
            if before is not None:
                needed = batches["needs_previous"][row] > 0
                axes.plot(
                    [before, at],
                    [0, 0],
                    color=SERIES[0] if needed else MUTED,
                    linewidth=2.5 if needed else 0.7,
                    zorder=1,
                )
        for name, marker, mask, colour in (
            ("stays a turn", "o", ~upper[rows], 0),
            ("may ride", "D", upper[rows] & ~lower[rows], 2),
            ("rides", "^", lower[rows], 1),
        ):
            places = np.flatnonzero(mask)
            size = 30 + 25 * np.minimum(batches["calls"][rows][places].astype(float), 6)
            axes.scatter(
                places, np.zeros(len(places)), s=size, marker=marker, color=SERIES[colour],
                label=name, zorder=2,
            )  # fmt: skip
        axes.set_yticks([])
        axes.locator_params(axis="x", integer=True)
        axes.set_xlabel("batches of one agent, in order of time")
        axes.legend(frameon=False, ncols=3, loc="upper center")

    return Drawing(
        name="session",
        title="One session as its graph of calls",
        caption="A thick line: the batch used something that only the one before had "
        "shown. Marked are the turns that ride with the one before, or may.",
        svg=_painted(paint, "One session: which turns could be merged", (7.5, 1.8)),
        header=("record", "work", "calls", "needs_previous", "rides", "may_ride"),
        rows=tuple(
            (
                str(batches["record_id"][row]),
                str(batches["work"][row]),
                int(batches["calls"][row]),
                _known(batches["needs_previous"][row]),
                bool(lower[row]),
                bool(upper[row]),
            )
            for row in rows
        ),
    )


def _known(value: Any) -> object:
    return int(value) if np.isfinite(value) else ""


def _most_telling(batches: Columns, upper: Any) -> Any:
    """Choose the agent with the most turns that may ride, and cut a stretch of it."""
    named = np.array(
        [
            f"{session}/{agent}"
            for session, agent in zip(batches["session"], batches["agent"], strict=True)
        ]
    )
    names, counts = np.unique(named[upper], return_counts=True)
    chosen = names[np.argmax(counts)] if len(names) else named[0]
    rows = np.flatnonzero(named == chosen)
    return rows[:MOST_CALLS]
