"""How the members did on other tables: what their weights shrink to.

Relative loss (logarithm, less the mean of the best three) on groups left out, by origin of
the tables; measured by `experiments/003-decisions`. A grading of a table leaves out those of
its origin.
"""

from collections.abc import Collection

import numpy as np

__all__ = ["ORIGINS", "other_tables"]

ORIGINS: dict[str, dict[str, float]] = {
    "gavel": {
        "process, offered range": -0.03,
        "process, all columns": -0.03,
        "trees, offered range": 0.47,
        "trees, all columns": 0.24,
        "boosted": 0.07,
        "quadratic": 0.19,
        "quadratic, stiff": 0.20,
        "linear": 0.17,
        "scalability law": 0.72,
        "constant": 0.43,
        "constant size": 0.43,
        "tuned rule": 0.43,
        "rule": 0.48,
        "grid middle": 1.50,
    },
    "pollux": {
        "process, offered range": 0.12,
        "process, all columns": 0.25,
        "trees, offered range": 0.20,
        "trees, all columns": 0.27,
        "boosted": 0.29,
        "quadratic": 0.26,
        "quadratic, stiff": 0.22,
        "linear": -0.05,
        "scalability law": 0.43,
        "constant": 0.14,
        "constant size": 0.68,
        "tuned rule": 0.51,
        "rule": 1.50,
        "grid middle": 1.50,
    },
    "scout": {
        "process, offered range": 0.20,
        "process, all columns": 0.20,
        "trees, offered range": 0.04,
        "trees, all columns": 0.06,
        "boosted": 0.14,
        "quadratic": 0.13,
        "quadratic, stiff": 0.12,
        "linear": 0.11,
        "scalability law": 0.19,
        "constant": 0.25,
        "constant size": 0.45,
        "tuned rule": 0.44,
        "rule": 1.22,
        "grid middle": 1.25,
    },
    "vidur": {
        "process, offered range": -0.01,
        "process, all columns": 0.02,
        "trees, offered range": 0.30,
        "trees, all columns": 0.00,
        "boosted": 0.00,
        "quadratic": 0.43,
        "quadratic, stiff": 0.44,
        "linear": 0.40,
        "scalability law": 0.39,
        "constant": 1.24,
        "constant size": 1.24,
        "tuned rule": 1.24,
        "rule": 0.86,
        "grid middle": 1.50,
    },
    "wf": {
        "process, offered range": -0.04,
        "process, all columns": -0.05,
        "trees, offered range": 0.34,
        "trees, all columns": 0.13,
        "boosted": 0.06,
        "quadratic": 0.35,
        "quadratic, stiff": 0.31,
        "linear": 0.59,
        "scalability law": 0.17,
        "constant": 1.27,
        "constant size": 1.28,
        "tuned rule": 1.22,
        "rule": 1.37,
        "grid middle": 1.23,
    },
    "zeus": {
        "process, offered range": 0.23,
        "process, all columns": 0.46,
        "trees, offered range": 0.23,
        "trees, all columns": 0.43,
        "boosted": 0.26,
        "quadratic": 0.07,
        "quadratic, stiff": 0.03,
        "linear": 0.32,
        "scalability law": 0.02,
        "constant": 0.14,
        "constant size": 0.54,
        "tuned rule": 0.39,
        "rule": 1.05,
        "grid middle": 0.07,
    },
}


def other_tables(without: Collection[str] = ()) -> dict[str, float]:
    """Average the members' relative losses over the origins of tables.

    Parameters
    ----------
    without : collection of str
        Origins that take no part: those of the table that is graded.

    Returns
    -------
    dict of str to float
        Mean relative loss by member; below 0 is better than average.

    Examples
    --------
    >>> ranking = other_tables(without=["zeus"])
    >>> min(ranking, key=ranking.__getitem__) in ranking
    True
    """
    kept = [losses for origin, losses in ORIGINS.items() if origin not in without]
    names = dict.fromkeys(name for losses in kept for name in losses)
    return {
        name: float(np.mean([row[name] for row in kept if name in row]))
        for name in names
    }
