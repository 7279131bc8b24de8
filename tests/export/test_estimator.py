"""Regressors of scikit-learn as members: the exported graph is the fitted estimator."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import BayesianRidge, HuberRegressor, Lasso, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from tests.bundle_factory import small_bundle
from tests.experiments.decision_tables import table
from toolkit.bundle import INPUT_NAME
from toolkit.bundle.graph_check import graph_problem
from toolkit.bundle.onnx_runtime import make_session
from toolkit.errors import UsageError
from toolkit.export import refuse_unwritable
from toolkit.export.stack import to_onnx
from toolkit.models import Stack
from toolkit.models.members import RelativeEstimator

ESTIMATORS: dict[str, BaseEstimator] = {
    "ridge": make_pipeline(StandardScaler(), Ridge()),
    "polynomial": make_pipeline(
        PolynomialFeatures(2, include_bias=False), RobustScaler(), BayesianRidge()
    ),
    "cubic": make_pipeline(MinMaxScaler(clip=True), PolynomialFeatures(3), Ridge(1.0)),
    "lasso": make_pipeline(StandardScaler(), PCA(3, whiten=True), Lasso(1e-3)),
    "huber": make_pipeline(StandardScaler(), HuberRegressor()),
    "selected": make_pipeline(SelectKBest(f_regression, k=3), DecisionTreeRegressor()),
    "tree": DecisionTreeRegressor(random_state=0),
    "scaled forest": make_pipeline(
        StandardScaler(), RandomForestRegressor(15, random_state=0)
    ),
    "extra trees": ExtraTreesRegressor(15, random_state=0),
    "gradient boosting": GradientBoostingRegressor(n_estimators=20, random_state=0),
    "from zero": GradientBoostingRegressor(
        n_estimators=20, init="zero", random_state=0
    ),
    "histogram boosting": HistGradientBoostingRegressor(max_iter=15, random_state=0),
    "vote": VotingRegressor(
        [("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=3))], weights=[3, 1]
    ),
    "bag": BaggingRegressor(
        make_pipeline(StandardScaler(), Ridge()),
        n_estimators=4,
        max_features=0.6,
        random_state=0,
    ),
    "network": make_pipeline(
        StandardScaler(),
        MLPRegressor(
            hidden_layer_sizes=(8, 4), activation="tanh", solver="lbfgs", random_state=0
        ),
    ),
    "support vectors": make_pipeline(StandardScaler(), SVR()),
    "searched": GridSearchCV(
        make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 10.0]}, cv=3
    ),
    "linear machine": make_pipeline(StandardScaler(), SVR(kernel="linear")),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_regressor_survives_export_on_rows_it_never_saw(
    tmp_path: Path, name: str
) -> None:
    made = table(tmp_path, groups=3, problems=4)
    member = RelativeEstimator(estimator=ESTIMATORS[name])
    model = Stack(seed=0, members=((name, member),)).fit(made)
    rows = made.rows()
    rng = np.random.default_rng(0)
    strange = (rows.X[:300] + rng.normal(0, 1, rows.X[:300].shape)).astype(np.float32)
    strange[::7, 0] = np.nan
    exact = rows.X[:300].astype(np.float32)  # trees split between such values
    graph = to_onnx(model, width=rows.layout.width)
    session = make_session(graph.SerializeToString())

    assert graph_problem(graph, width=rows.layout.width) is None
    for probe in (strange, exact):
        got = np.asarray(session.run(None, {INPUT_NAME: probe})[0]).ravel()
        expected = model.predict(probe.astype(float))
        np.testing.assert_allclose(got, expected, atol=1e-5)
        assert float(np.std(got)) > 0


@pytest.mark.parametrize("name", ["ridge", "scaled forest", "support vectors"])
def test_a_bundle_of_a_regressor_loads_and_answers(tmp_path: Path, name: str) -> None:
    from toolkit import Advisor

    member = RelativeEstimator(estimator=ESTIMATORS[name])
    bundle = small_bundle(tmp_path / "bundle", member=member)

    advice = Advisor(bundle).decide(operation_type="todoWrite", load_cpu=0.3)

    assert 1 <= advice.action <= 20


@pytest.mark.parametrize(
    "estimator",
    [
        KNeighborsRegressor(),
        make_pipeline(StandardScaler(), GaussianProcessRegressor()),
        VotingRegressor([("a", Ridge()), ("b", KNeighborsRegressor())]),
    ],
    ids=["neighbours", "in a pipeline", "in a vote"],
)
def test_what_cannot_be_exported_is_refused_before_it_is_trained(
    estimator: BaseEstimator,
) -> None:
    with pytest.raises(UsageError, match="cannot be exported, so it can be no member"):
        refuse_unwritable(estimator)


@pytest.mark.parametrize(
    "what",
    [3, "Ridge", Ridge, StandardScaler()],
    ids=["number", "text", "class", "scaler"],
)
def test_what_is_no_regressor_is_refused(what: Any) -> None:
    with pytest.raises(UsageError, match="a member must be"):
        RelativeEstimator(estimator=what)
