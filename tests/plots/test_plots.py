"""The plots draw what the frames hold, and refuse what they cannot draw."""

from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.plots import (
    plot_calibration,
    plot_frontier,
    plot_regret,
    plot_response,
    plot_support,
    plot_waves,
)

BATCHES = pd.DataFrame(
    {
        "operation_type": ["shell"] * 4 + ["web"] * 2,
        "size": [1, 1, 4, 4, 2, 2],
        "cycle_s": [4.0, 8.0, 8.0, 16.0, 6.0, 1000.0],
        "succeeded": [1, 1, 4, 4, 2, 2],
        "censored": [False, False, False, None, False, True],
    }
)
WAVES = pd.DataFrame(
    {
        "agents": [1, 2, 1, 2],
        "makespan_s": [10.0, 6.0, 40.0, 20.0],
        "agent_seconds": [10.0, 12.0, 40.0, 40.0],
        "context_id": ["a", "a", "b", "b"],
        "censored": [False, False, False, False],
    }
)
POLICIES = pd.DataFrame(
    {
        "policy": ["learned", "rule"],
        "slowdown": [1.1, 1.4],
        "slowdown_low": [1.0, 1.2],
        "slowdown_high": [1.2, 1.6],
    }
)
ANSWERS = pd.DataFrame(
    {"stated": [0.1, 0.1, 0.9, 0.9], "came_true": [False, False, True, False]}
)
PLOTS: list[tuple[Callable[..., Axes], pd.DataFrame]] = [
    (plot_response, BATCHES),
    (plot_support, BATCHES),
    (plot_frontier, WAVES),
    (plot_waves, WAVES),
    (plot_regret, POLICIES),
    (plot_calibration, ANSWERS),
]
NAMES = [plot.__name__ for plot, _ in PLOTS]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def _points(axes: Axes, label: str) -> list[tuple[float, float]]:
    line = next(line for line in axes.get_lines() if line.get_label() == label)
    pairs = zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True)
    return [(float(x), float(y)) for x, y in pairs]


@pytest.mark.parametrize(("plot", "frame"), PLOTS, ids=NAMES)
def test_a_plot_is_drawn_on_the_axes_that_it_is_given(
    plot: Callable[..., Axes], frame: pd.DataFrame
) -> None:
    given = Figure().add_subplot()

    assert plot(frame, ax=given) is given
    assert given.has_data()
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("plot", "frame"), PLOTS, ids=NAMES)
def test_without_axes_a_figure_of_its_own_is_made(
    plot: Callable[..., Axes], frame: pd.DataFrame
) -> None:
    assert plot(frame).get_xlabel()
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(("plot", "frame"), PLOTS, ids=NAMES)
def test_no_rows_are_not_enough_data(
    plot: Callable[..., Axes], frame: pd.DataFrame
) -> None:
    with pytest.raises(NotEnoughDataError):
        plot(frame.iloc[:0])


@pytest.mark.parametrize(("plot", "frame"), PLOTS, ids=NAMES)
def test_a_column_that_is_missing_is_named(
    plot: Callable[..., Axes], frame: pd.DataFrame
) -> None:
    with pytest.raises(UsageError, match="unknown column"):
        plot(frame[["censored"]] if "censored" in frame else frame[frame.columns[:1]])


def test_a_response_is_the_median_cost_of_cycles_without_people() -> None:
    axes = plot_response(BATCHES)

    assert _points(axes, "shell") == [(1.0, 6.0), (4.0, 3.0)]
    assert _points(axes, "web") == [(2.0, 3.0)]


def test_the_support_counts_rows() -> None:
    shown = {text.get_text() for text in plot_support(BATCHES).texts}

    assert shown == {"2"}


def test_a_frontier_compares_within_a_context() -> None:
    axes = plot_frontier(WAVES)

    (line,) = axes.get_lines()
    assert np.asarray(line.get_xdata()).tolist() == pytest.approx([1.0, 1.1])
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([1.0, 0.55])


def test_a_wave_is_drawn_at_its_speed_up() -> None:
    assert _points(plot_waves(WAVES), "median") == [(1.0, 1.0), (2.0, 2.0)]


def test_policies_stand_in_their_order_beside_the_floor() -> None:
    axes = plot_regret(POLICIES, noise_floor=1.05)

    assert [each.get_text() for each in axes.get_yticklabels()] == ["learned", "rule"]
    assert axes.yaxis_inverted()
    assert _points(axes, "noise floor")[0][0] == 1.05


def test_what_came_true_stands_over_what_was_stated() -> None:
    axes = plot_calibration(ANSWERS)

    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    drawn = [(*np.asarray(d.get_xdata()), *np.asarray(d.get_ydata())) for d in dots]
    assert drawn == [(0.1, 0.0), (0.9, 0.5)]
