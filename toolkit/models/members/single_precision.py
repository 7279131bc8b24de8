"""Trees that answer the same in 32 bits: what they are fitted on, and where they split.

The exported graph reads 32 bits. Rows are rounded to them before fitting, and thresholds
afterwards: for a 32-bit x, `x <= t` holds exactly when x is at most the 32-bit number at
or below t, while a converter that rounds t to the nearest would send x = t the other way.
"""

from typing import Any

import numpy as np

from toolkit.arrays import Floats

__all__ = ["round_down", "round_thresholds_down", "rounded_to_single"]


def rounded_to_single(X: Floats) -> Floats:
    """Round to 32 bits, and keep 64.

    Parameters
    ----------
    X : array

    Returns
    -------
    array of the same shape
    """
    return X.astype(np.float32).astype(np.float64)


def round_down(exact: Floats) -> Floats:
    """Find the 32-bit number at or below each number, as 64-bit numbers.

    Parameters
    ----------
    exact : array

    Returns
    -------
    array of the same shape

    Examples
    --------
    >>> bool(round_down(np.array([0.1]))[0] <= 0.1)
    True
    """
    with np.errstate(over="ignore"):
        near = exact.astype(np.float32)
    above = near.astype(np.float64) > exact
    down = np.where(above, np.nextafter(near, np.float32(-np.inf)), near)
    return np.asarray(down, dtype=np.float64)


def round_thresholds_down(estimator: Any) -> None:
    """Put each threshold of a tree, or of histogram boosting, on a 32-bit number.

    Parameters
    ----------
    estimator : estimator
        Fitted, and changed in place; one without trees stays as it is.
    """
    tree = getattr(estimator, "tree_", None)
    if tree is not None:
        tree.threshold[:] = round_down(tree.threshold)
    # Of histogram boosting the public surface has no thresholds.
    for predictors in getattr(estimator, "_predictors", ()):
        for predictor in predictors:
            exact = predictor.nodes["num_threshold"]
            predictor.nodes["num_threshold"] = round_down(exact)
