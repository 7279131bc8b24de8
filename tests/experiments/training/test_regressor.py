"""The learner in scikit-learn's own tools."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.experiments.training import LevelShapeRegressor
from toolkit.models.members import (
    RelativeConstant,
    RelativeEstimator,
    RelativeQuadratic,
)

SIZES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
QUICK = (("quadratic", RelativeQuadratic()), ("constant", RelativeConstant()))


def frame(seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Twelve jobs of two kinds: the best size is 4 for reads and 8 for writes."""
    rng = np.random.default_rng(seed)
    rows = [
        {"kind": kind, "load": load, "job": f"j{job}", "size": size}
        for job, load in enumerate(rng.uniform(0, 1, 12).round(3))
        for kind in ("read", "write")
        for size in SIZES
    ]
    made = pd.DataFrame(rows)
    best = np.where(made["kind"] == "read", 4.0, 8.0)
    cost = (1 + made["load"]) * np.exp(np.log2(made["size"] / best) ** 2 / 4)
    return made, cost * np.exp(rng.normal(0, 0.02, len(made)))


def test_it_predicts_costs_and_finds_the_best_action() -> None:
    X, y = frame()
    model = LevelShapeRegressor(group="job", members=QUICK).fit(X, y)
    unseen = pd.DataFrame(
        {"kind": ["read", "write"], "load": 0.5, "job": "new", "size": 1.0}
    )

    assert model.best_action(unseen).tolist() == [4.0, 8.0]
    assert model.score(X, y) > 0.9
    assert sum(model.weights_.values()) == pytest.approx(1)


def test_grid_search_tunes_it_on_groups_left_out() -> None:
    X, y = frame()
    grid = {"members": [QUICK, (("constant", RelativeConstant()),)], "seed": [0]}
    search = GridSearchCV(
        LevelShapeRegressor(group="job"), grid, cv=GroupKFold(3), error_score="raise"
    )

    search.fit(X, y, groups=X["job"])

    assert search.best_params_["members"] == QUICK
    assert search.best_score_ > 0.9


def test_it_ends_a_pipeline_whose_steps_give_frames() -> None:
    X, y = frame()
    scaled = make_column_transformer(
        (StandardScaler(), ["load"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    line = make_pipeline(scaled, LevelShapeRegressor(group="job", members=QUICK))
    line.set_output(transform="pandas")

    assert line.fit(X, y).score(X, y) > 0.9


def test_a_regressor_of_scikit_learn_can_be_its_member() -> None:
    X, y = frame()
    ridge = RelativeEstimator(estimator=make_pipeline(StandardScaler(), Ridge()))
    members = (("ridge", ridge), *QUICK)

    model = LevelShapeRegressor(group="job", members=members).fit(X, y)

    assert set(model.weights_) == {"ridge", "quadratic", "constant"}


def test_a_clone_learns_the_same() -> None:
    X, y = frame()
    model = LevelShapeRegressor(group="job", members=QUICK, seed=3).fit(X, y)

    again = clone(model).fit(X, y)

    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_what_is_missing_or_not_seen_is_not_known() -> None:
    X, y = frame()
    model = LevelShapeRegressor(group="job", members=QUICK).fit(X, y)
    odd = pd.DataFrame(
        {"kind": [None, "delete"], "load": [np.nan, 0.5], "job": "n", "size": [3.0, 30]}
    )

    assert np.isfinite(model.predict(odd)).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda X, y: (X.to_numpy(), y), "must be a DataFrame"),
        (lambda X, y: (X.drop(columns="size"), y), "size"),
        (lambda X, y: (X.assign(size=0.0), y), "above 0"),
        (lambda X, y: (X, y * 0), "one cost above 0"),
    ],
    ids=["array", "no action", "zero action", "zero cost"],
)
def test_what_cannot_be_learned_from_is_refused(change, says) -> None:  # type: ignore[no-untyped-def]
    X, y = change(*frame())
    with pytest.raises(UsageError, match=says):
        LevelShapeRegressor(group="job").fit(X, y)


def test_contexts_with_one_action_each_teach_nothing() -> None:
    X, y = frame()
    with pytest.raises(NotEnoughDataError, match="two actions"):
        LevelShapeRegressor(group="job").fit(X[X["size"] == 1], y[X["size"] == 1])
