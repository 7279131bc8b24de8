"""Claims about the level of single runs."""

import numpy as np
import pytest

from toolkit.arrays import Floats
from toolkit.experiments.training.hinge_fit import HingeFit, fit_hinge_level
from toolkit.models import SingleCosts

NORMAL = 2.7055


def made(
    seed: int, *, groups: int = 12, misleading: bool = False
) -> tuple[SingleCosts, Floats]:
    """Runs whose log cost bends at a length of 3, twice as noisy for the shell."""
    rng = np.random.default_rng(seed)
    n = 150 * groups
    shell = (rng.random(n) < 0.4).astype(float)
    length = rng.uniform(0, 6, n)
    group = np.repeat(np.arange(groups), 150)
    model = (group % 2).astype(float)
    shift = rng.normal(0, 0.4, groups)[group] if misleading else 0.6 * model
    level = 1 + 0.5 * np.maximum(length - 3, 0) + 0.8 * shell + shift
    cost = level + rng.normal(0, 0.2 + 0.2 * shell)
    hidden = rng.random(n) < 0.1
    X = np.column_stack([shell, 1 - shell, np.where(hidden, np.nan, length), model])
    singles = SingleCosts(
        columns=(),
        optional=("model",),
        X=X,
        names=("operation_type=shell", "operation_type=read", "length", "model"),
        contexts=({},),
        context=np.zeros(n, dtype=np.int64),
        action=np.ones(n),
        log_cost=cost,
        groups=np.array([f"g{g}" for g in group]),
    )
    return singles, level


def fitted(singles: SingleCosts) -> HingeFit:
    return fit_hinge_level(
        singles,
        np.zeros(len(singles.X)),
        normal=NORMAL,
        coverage=0.9,
        seed=0,
    )


def test_a_bend_is_learned_and_costs_of_new_groups_are_predicted() -> None:
    fit = fitted(made(0)[0])
    asked, level = made(1)
    predicted = np.array([fit.level.predict(row)[0] for row in asked.X])
    known = np.isfinite(asked.X[:, 2])

    assert np.abs(predicted - level)[known].mean() < 0.08


def test_intervals_hold_their_share_of_new_groups_in_each_type() -> None:
    fit = fitted(made(0)[0])
    asked, _ = made(1)
    found = np.array([fit.level.predict(row) for row in asked.X])
    half = np.sqrt(NORMAL) * found[:, 1]
    inside = np.abs(asked.log_cost - found[:, 0]) <= half

    assert 0.87 <= inside.mean() <= 0.94
    for kind in (0.0, 1.0):
        assert 0.84 <= inside[asked.X[:, 0] == kind].mean() <= 0.96
    assert half[asked.X[:, 0] == 1].mean() > 1.3 * half[asked.X[:, 0] == 0].mean()


@pytest.mark.parametrize("misleading", [False, True])
def test_a_column_that_only_helps_where_it_was_seen_must_help_left_out_groups(
    misleading: bool,
) -> None:
    fit = fitted(made(3, misleading=misleading)[0])

    assert ("model" in fit.singles.names) is not misleading


def test_what_is_not_known_widens_and_what_is_beyond_the_range_changes_nothing() -> (
    None
):
    level = fitted(made(0)[0]).level
    row = [1.0, 0.0, 5.9, 1.0]
    far, unknown = [*row], [*row]
    far[2], unknown[2] = 600.0, float("nan")

    assert level.predict(far)[0] == pytest.approx(level.predict(row)[0], abs=0.1)
    assert level.predict(unknown)[1] > level.predict(row)[1]
    assert type(level).from_json(level.to_json()) == level
