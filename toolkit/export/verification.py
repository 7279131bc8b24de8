"""Proof that an exported graph is the fitted model, on rows it may really meet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.bundle import TOLERANCE, FeatureSchema, Float32s, run_graph
from toolkit.errors import GateRefusedError
from toolkit.policies import Floats

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["ROWS", "probe_rows", "verify_graph"]

ROWS = 12_000
"""Rows compared; some conversions are wrong on a few per cent of rows only."""

MISSING_SHARE = 0.15
"""Share of numbers that are blanked in the probe rows."""


def probe_rows(
    schema: FeatureSchema, X: Float32s, *, seed: int, count: int = ROWS
) -> Float32s:
    """Make rows like the training rows, with missing values and every category.

    Columns are resampled independently (combinations that training never had), then
    numbers are blanked or moved beyond their range, and each category of each column,
    and an unknown one, is set in turn.

    Returns
    -------
    array of shape (count, schema.width)
    """
    rng = np.random.default_rng(seed)
    picks = rng.integers(len(X), size=(count, X.shape[1]))
    rows = np.take_along_axis(X, picks, axis=0)
    numeric = _numeric_positions(schema)
    spread = np.nan_to_num(np.nanstd(np.nan_to_num(X[:, numeric]), axis=0))
    noise = rng.normal(0, 1, (count, len(numeric))) * spread
    noisy = rng.uniform(size=noise.shape) < 0.3
    rows[:, numeric] += np.where(noisy, noise, 0.0).astype(np.float32)
    action = schema.action_position
    context = [position for position in numeric if position < action]
    blank = rng.uniform(size=(count, len(context))) < MISSING_SHARE
    rows[:, context] = np.where(blank, np.nan, rows[:, context])
    rows[0, context] = np.nan
    _set_categories(schema, rows)
    return rows


def verify_graph(
    model: Any, graph: "ModelProto", rows: Float32s
) -> tuple[Floats, float]:
    """Compare a graph with the model it was made from.

    Returns
    -------
    log_cost : array of shape (n,)
        The graph's own outputs.
    worst : float
        Largest absolute difference.

    Raises
    ------
    GateRefusedError
        Where it exceeds the tolerance.
    """
    got = run_graph(graph.SerializeToString(), rows)
    expected = np.asarray(model.predict(rows.astype(np.float64)))
    difference = np.abs(got - expected)
    worst = float(difference.max())
    if not worst <= TOLERANCE:
        off = int((~(difference <= TOLERANCE)).sum())
        raise GateRefusedError(
            f"the exported graph is not the fitted {type(model).__name__}: {off} of "
            f"{len(rows)} rows differ, by up to {worst:.3g} in log cost "
            f"(at most {TOLERANCE:g}); do not use it"
        )
    return got, worst


def _numeric_positions(schema: FeatureSchema) -> list[int]:
    positions: list[int] = []
    start = 0
    for column in schema.context:
        if column.kind == "number":
            positions.append(start)
        start += column.width
    return [*positions, *range(start, schema.width)]


def _set_categories(schema: FeatureSchema, rows: Float32s) -> None:
    start = 0
    for column in schema.context:
        if column.kind == "category":
            choices: Sequence[int] = range(column.width + 1)
            chosen = np.resize(np.asarray(choices), len(rows))
            one_hot = chosen[:, None] == np.arange(column.width)
            rows[:, start : start + column.width] = one_hot
        start += column.width
