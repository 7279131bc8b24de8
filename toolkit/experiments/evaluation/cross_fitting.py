"""A ridge on log cost, fitted on folds that leave out whole clusters.

Deliberately simple: it serves off-policy evaluation, where any model keeps the doubly
robust estimate unbiased as long as no decision's own cluster took part in the fit.
"""

import numpy as np

from toolkit.arrays import Floats, Ints
from toolkit.errors import NotEnoughDataError

__all__ = ["cross_fitted_ridge", "folds_of_clusters"]


def folds_of_clusters(clusters: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Deal clusters to folds at random, whole.

    Parameters
    ----------
    clusters : ndarray of shape (rows,)
        Codes 0..n-1.
    folds : int
        At least 2.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (rows,)
        Fold of each row.

    Raises
    ------
    NotEnoughDataError
        Fewer clusters than folds.

    Examples
    --------
    >>> folds = folds_of_clusters(np.array([0, 0, 1]), 2, np.random.default_rng(0))
    >>> bool(folds[0] == folds[1] != folds[2])
    True
    """
    count = int(clusters.max()) + 1
    if count < folds:
        raise NotEnoughDataError(
            "a cross-fitted cost model", got=count, needed=folds, unit="clusters"
        )
    return np.asarray(rng.permutation(np.arange(count) % folds)[clusters])


def cross_fitted_ridge(
    design: Floats, costs: Floats, folds: Ints, *, penalty: float = 1.0
) -> Floats:
    """Fit one ridge for each fold, on the rows of the other folds.

    Parameters
    ----------
    design : ndarray of shape (rows, columns)
        The first column is 1 and is not penalised.
    costs : ndarray of shape (rows,)
    folds : ndarray of shape (rows,)
    penalty : float
        Above 0, in units of one standardised row.

    Returns
    -------
    ndarray of shape (folds, columns)
        Coefficients to predict the rows of each fold with.

    Examples
    --------
    >>> design = np.column_stack([np.ones(40), np.linspace(-1, 1, 40)])
    >>> fitted = cross_fitted_ridge(
    ...     design, design @ [3.0, 2.0], np.arange(40) % 2, penalty=1e-9
    ... )
    >>> fitted.round(6).tolist()
    [[3.0, 2.0], [3.0, 2.0]]
    """
    count, columns = int(folds.max()) + 1, design.shape[1]
    grams = np.empty((count, columns, columns))
    sides = np.empty((count, columns))
    for fold in range(count):
        rows = design[folds == fold]
        grams[fold] = rows.T @ rows
        sides[fold] = rows.T @ costs[folds == fold]
    shrink = np.full(columns, penalty)
    shrink[0] = 1e-9 * len(costs)
    without = grams.sum(axis=0) - grams + np.diag(shrink)
    right = sides.sum(axis=0) - sides
    return np.asarray(np.linalg.solve(without, right[:, :, None])[:, :, 0])
