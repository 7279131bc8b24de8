"""Regressors of scikit-learn as graphs: arithmetic in 64 bits, trees in 32.

What a class computes is written here from its fitted numbers, in the bundle's operators
and in the order in which the class computes it, so that graph and estimator agree to the
last bits. A class that is not here is refused before anything is trained.
"""

from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.feature_selection import SelectFromModel, SelectKBest, VarianceThreshold
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    QuantileRegressor,
    Ridge,
    RidgeCV,
    SGDRegressor,
    TheilSenRegressor,
)
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVR, LinearSVR, NuSVR
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from toolkit.errors import UsageError
from toolkit.export.graph import Graph
from toolkit.export.trees import boosted_node, forest_node

__all__ = ["refuse_unwritable", "write_estimator"]


def refuse_unwritable(estimator: BaseEstimator) -> None:
    """Refuse an estimator that no bundle could hold, before it is trained.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.

    Raises
    ------
    UsageError
        It, or a part of it, is of a class that cannot be exported.
    """
    from toolkit.models.members import estimator_parts

    for part in estimator_parts(estimator):
        name = type(part).__name__
        if not any(
            isinstance(part, known)
            for written in (write_estimator, _write_step)
            for known in written.registry
            if known is not object
        ):
            known = sorted(
                {cls.__name__ for cls in write_estimator.registry if cls is not object}
            )
            raise UsageError(
                f"`{name}` cannot be exported, so it can be no member; regressors that "
                f"can are {', '.join(known)}, alone or in a pipeline of scalers, "
                "polynomials, PCA and selections of columns"
            )


@singledispatch
def write_estimator(estimator: Any, graph: Graph, rows: str) -> str:
    """Append a fitted regressor that reads 64-bit rows.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    graph : Graph
    rows : str
        Name of a tensor of shape (n, columns).

    Returns
    -------
    str
        Name of its output, 64 bits, shape (n, 1).

    Raises
    ------
    UsageError
        Its class is not known here.
    """
    del graph, rows
    raise UsageError(f"`{type(estimator).__name__}` cannot be exported")


@write_estimator.register
def _(estimator: Pipeline, graph: Graph, rows: str) -> str:
    *steps, (_, last) = estimator.steps
    for _, step in steps:
        rows = _write_step(step, graph, rows)
    return write_estimator(last, graph, rows)


@write_estimator.register(GridSearchCV)
@write_estimator.register(RandomizedSearchCV)
def _(estimator: Any, graph: Graph, rows: str) -> str:
    return write_estimator(estimator.best_estimator_, graph, rows)


@write_estimator.register(LinearRegression)
@write_estimator.register(Ridge)
@write_estimator.register(RidgeCV)
@write_estimator.register(Lasso)
@write_estimator.register(LassoCV)
@write_estimator.register(ElasticNet)
@write_estimator.register(ElasticNetCV)
@write_estimator.register(BayesianRidge)
@write_estimator.register(ARDRegression)
@write_estimator.register(HuberRegressor)
@write_estimator.register(QuantileRegressor)
@write_estimator.register(SGDRegressor)
@write_estimator.register(TheilSenRegressor)
@write_estimator.register(LinearSVR)
def _(estimator: Any, graph: Graph, rows: str) -> str:
    weights = np.ravel(estimator.coef_)[:, None]
    product = graph.node("MatMul", [rows, graph.doubles(weights)])
    return graph.node(
        "Add", [product, graph.doubles([[_scalar(estimator.intercept_)]])]
    )


@write_estimator.register
def _(estimator: DummyRegressor, graph: Graph, rows: str) -> str:
    nothing = graph.node("Mul", [graph.columns(rows, [0]), graph.doubles([[0.0]])])
    return graph.node("Add", [nothing, graph.doubles([[_scalar(estimator.constant_)]])])


@write_estimator.register(DecisionTreeRegressor)
@write_estimator.register(ExtraTreeRegressor)
def _(estimator: Any, graph: Graph, rows: str) -> str:
    return forest_node(graph, graph.to_single(rows), [estimator], 1.0)


@write_estimator.register(RandomForestRegressor)
@write_estimator.register(ExtraTreesRegressor)
def _(estimator: Any, graph: Graph, rows: str) -> str:
    trees = estimator.estimators_
    return forest_node(graph, graph.to_single(rows), trees, 1 / len(trees))


@write_estimator.register
def _(estimator: GradientBoostingRegressor, graph: Graph, rows: str) -> str:
    trees = list(estimator.estimators_.ravel())
    rate = float(estimator.learning_rate)
    total = forest_node(graph, graph.to_single(rows), trees, rate)
    if isinstance(estimator.init_, str):  # "zero"
        return total
    return graph.node("Add", [total, write_estimator(estimator.init_, graph, rows)])


@write_estimator.register
def _(estimator: HistGradientBoostingRegressor, graph: Graph, rows: str) -> str:
    width = int(estimator.n_features_in_)
    return boosted_node(graph, graph.to_single(rows), estimator, width)


@write_estimator.register
def _(estimator: VotingRegressor, graph: Graph, rows: str) -> str:
    shares = np.ones(len(estimator.estimators_))
    if estimator.weights is not None:
        kept = [
            weight
            for weight, (_, each) in zip(
                estimator.weights, estimator.estimators, strict=True
            )
            if each != "drop"
        ]
        shares = np.asarray(kept, dtype=np.float64)
    shares = shares / shares.sum()
    written = [write_estimator(each, graph, rows) for each in estimator.estimators_]
    return _weighed(graph, written, shares)


@write_estimator.register
def _(estimator: BaggingRegressor, graph: Graph, rows: str) -> str:
    written = [
        write_estimator(each, graph, graph.columns(rows, np.ravel(columns).tolist()))
        for each, columns in zip(
            estimator.estimators_, estimator.estimators_features_, strict=True
        )
    ]
    return _weighed(graph, written, np.full(len(written), 1 / len(written)))


@write_estimator.register
def _(estimator: MLPRegressor, graph: Graph, rows: str) -> str:
    operators = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "identity": ""}
    operator = operators[estimator.activation]
    layers = list(zip(estimator.coefs_, estimator.intercepts_, strict=True))
    for place, (weights, bias) in enumerate(layers):
        product = graph.node("MatMul", [rows, graph.doubles(weights)])
        rows = graph.node("Add", [product, graph.doubles(bias[None, :])])
        if operator and place < len(layers) - 1:
            rows = graph.node(operator, [rows])
    return rows


@write_estimator.register(SVR)
@write_estimator.register(NuSVR)
def _(estimator: Any, graph: Graph, rows: str) -> str:
    if estimator.kernel not in ("rbf", "linear"):
        raise UsageError(
            f"a support vector machine with the kernel {estimator.kernel!r} cannot be "
            "exported; take 'rbf' or 'linear'"
        )
    vectors = np.asarray(estimator.support_vectors_)
    kernel = graph.node("MatMul", [rows, graph.doubles(vectors.T)])
    if estimator.kernel == "rbf":
        gamma = float(estimator._gamma)  # noqa: SLF001 - "scale" is resolved nowhere else
        lifted = graph.node("Unsqueeze", [rows, graph.integers([1])])
        gap = graph.node("Sub", [lifted, graph.doubles(vectors[None])])
        squares = graph.node("Mul", [gap, gap])
        far = graph.node("ReduceSum", [squares, graph.integers([2])], keepdims=0)
        kernel = graph.node(
            "Exp", [graph.node("Mul", [far, graph.doubles([[-gamma]])])]
        )
    weights = graph.doubles(np.asarray(estimator.dual_coef_).T)
    total = graph.node("MatMul", [kernel, weights])
    return graph.node("Add", [total, graph.doubles([[_scalar(estimator.intercept_)]])])


@singledispatch
def _write_step(step: Any, graph: Graph, rows: str) -> str:
    """Append a transformer; `passthrough` and `None` change nothing."""
    del graph
    if step in (None, "passthrough"):
        return rows
    raise UsageError(f"`{type(step).__name__}` cannot be exported")


@_write_step.register
def _(step: Pipeline, graph: Graph, rows: str) -> str:
    for _, each in step.steps:
        rows = _write_step(each, graph, rows)
    return rows


@_write_step.register
def _(step: StandardScaler, graph: Graph, rows: str) -> str:
    rows = _moved(graph, rows, step.mean_ if step.with_mean else None)
    return _divided(graph, rows, step.scale_)


@_write_step.register
def _(step: RobustScaler, graph: Graph, rows: str) -> str:
    rows = _moved(graph, rows, step.center_)
    return _divided(graph, rows, step.scale_)


@_write_step.register
def _(step: MaxAbsScaler, graph: Graph, rows: str) -> str:
    return _divided(graph, rows, step.scale_)


@_write_step.register
def _(step: MinMaxScaler, graph: Graph, rows: str) -> str:
    scaled = graph.node("Mul", [rows, graph.doubles(step.scale_[None, :])])
    moved = graph.node("Add", [scaled, graph.doubles(step.min_[None, :])])
    if not step.clip:
        return moved
    low, high = step.feature_range
    raised = graph.node("Max", [moved, graph.doubles([[low]])])
    return graph.node("Min", [raised, graph.doubles([[high]])])


@_write_step.register
def _(step: PCA, graph: Graph, rows: str) -> str:
    moved = _moved(graph, rows, step.mean_)
    turned = graph.node("MatMul", [moved, graph.doubles(step.components_.T)])
    if not step.whiten:
        return turned
    return _divided(graph, turned, np.sqrt(step.explained_variance_))


@_write_step.register
def _(step: PolynomialFeatures, graph: Graph, rows: str) -> str:
    """Multiply columns, the lowest first, as often as each product names them."""
    powers = step.powers_
    width = powers.shape[1]
    one = graph.node("Mul", [graph.columns(rows, [0]), graph.doubles([[0.0]])])
    ones = graph.node("Add", [one, graph.doubles([[1.0]])])
    widened = graph.node("Concat", [rows, ones], axis=1)
    degree = int(powers.sum(axis=1).max())
    named = [np.repeat(np.arange(width), row).tolist() for row in powers]
    product = ""
    for place in range(degree):
        columns = [each[place] if place < len(each) else width for each in named]
        factor = graph.columns(widened, columns)
        product = graph.node("Mul", [product, factor]) if product else factor
    return product


@_write_step.register(SelectKBest)
@_write_step.register(SelectFromModel)
@_write_step.register(VarianceThreshold)
def _(step: Any, graph: Graph, rows: str) -> str:
    return graph.columns(rows, np.flatnonzero(step.get_support()).tolist())


def _moved(graph: Graph, rows: str, by: NDArray[np.float64] | None) -> str:
    if by is None:
        return rows
    return graph.node("Sub", [rows, graph.doubles(np.asarray(by)[None, :])])


def _divided(graph: Graph, rows: str, by: NDArray[np.float64] | None) -> str:
    if by is None:
        return rows
    return graph.node("Div", [rows, graph.doubles(np.asarray(by)[None, :])])


def _weighed(graph: Graph, written: list[str], shares: NDArray[np.float64]) -> str:
    parts = [
        graph.node("Mul", [each, graph.doubles([[share]])])
        for each, share in zip(written, shares, strict=True)
    ]
    return graph.node("Sum", parts)


def _scalar(value: Any) -> float:
    return float(np.ravel(value)[0])
