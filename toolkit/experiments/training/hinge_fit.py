"""Fits the level of single runs: hinges of the context, by ridge, on groups left out.

The level is what is left of a run's log cost once the shape over the actions is taken
away. Its penalty, the columns that say something only where they were seen, and the
width of its intervals are all chosen by groups that the fit had not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.models import SingleCosts, group_folds
from toolkit.policies import HingeLevel

__all__ = ["HingeFit", "fit_hinge_level"]

PENALTIES = (100.0, 300.0, 1000.0, 3000.0)
"""Ridge penalties that are tried, in standardised terms."""
QUANTILES = (0.05, 0.275, 0.5, 0.725, 0.95)
"""Where the knots of a number lie."""
GATE_SHARE = 0.02
"""Least and, from 1, most share of runs with an operation type that has slopes alone."""
GATES = ("operation_type=", "read_share")
FOLDS = 12
"""Most folds of groups."""
FEWEST_OF_TYPE = 30
"""Runs from which on a type's own deviation counts as much as that of all runs."""
LEAST_DEVIATION = 0.05

Term = tuple[tuple[int, float], ...]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HingeFit:
    """A level with its errors on groups left out.

    Attributes
    ----------
    level : HingeLevel
    singles : SingleCosts
        With the columns that the level reads.
    errors : array of shape (n_runs,)
        Log cost less the prediction, by fits on the other groups.
    """

    level: HingeLevel
    singles: SingleCosts
    errors: Floats


def fit_hinge_level(
    singles: SingleCosts,
    shape: Floats,
    *,
    normal: float,
    coverage: float,
    seed: int,
) -> HingeFit:
    """Fit the level of single runs.

    Parameters
    ----------
    singles : SingleCosts
        Training groups only.
    shape : array of shape (n_runs,)
        Log cost of each run's action over the mean of those on offer.
    normal : float
        Variances within the root of which an interval of the level reaches.
    coverage : float
        Share of the runs of groups left out that intervals should hold, 0 to 1.
    seed : int
        Of the folds, where groups must share them.

    Returns
    -------
    HingeFit
    """
    y = singles.log_cost - shape
    codes = np.unique(singles.groups, return_inverse=True)[1].astype(np.int64)
    folds = group_folds(codes, FOLDS, seed)
    best = _Ridge.fitted(singles.without(singles.optional), y, codes, folds)
    for name in singles.optional:
        dropped = [n for n in singles.optional if n != name and n not in best.optional]
        other = _Ridge.fitted(singles.without(dropped), y, codes, folds)
        if other.loss < best.loss:
            best = other
    widening, deviation = _deviations(best.singles, best.errors)
    level = best.level(widening, deviation)
    spread = deviation * np.exp(_imputed(best.singles.X, level.centre) @ widening)
    needed = np.abs(best.errors) / (np.sqrt(normal) * spread)
    scale = float(np.quantile(needed, coverage))
    return HingeFit(
        level=best.level(widening, max(deviation * scale, LEAST_DEVIATION)),
        singles=best.singles,
        errors=best.errors,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ridge:
    """A ridge on terms, with the penalty that did best on groups left out."""

    singles: SingleCosts
    terms: tuple[Term, ...]
    low: Floats
    high: Floats
    centre: Floats
    intercept: float
    slope: Floats
    errors: Floats

    @property
    def loss(self) -> float:
        return float(np.mean(self.errors**2))

    @property
    def optional(self) -> tuple[str, ...]:
        return self.singles.optional

    @classmethod
    def fitted(
        cls, singles: SingleCosts, y: Floats, codes: Ints, folds: Sequence[Ints]
    ) -> "_Ridge":
        with np.errstate(all="ignore"):
            low, high = np.nanmin(singles.X, axis=0), np.nanmax(singles.X, axis=0)
            centre = np.nanmean(singles.X, axis=0)
        X = _imputed(singles.X, centre)
        terms = _terms(singles.names, X, low)
        design = _design(X, terms)
        mean, spread = design.mean(axis=0), design.std(axis=0)
        live = spread > 1e-9 * np.maximum(1.0, np.abs(mean))
        terms = tuple(t for t, keep in zip(terms, live, strict=True) if keep)
        design = (design[:, live] - mean[live]) / spread[live]
        gram, side = design.T @ design, design.T @ (y - y.mean())
        errors = {penalty: np.empty(len(y)) for penalty in PENALTIES}
        for fold in folds:
            out = np.isin(codes, fold)
            part, known = design[out], y[~out].mean() if (~out).any() else 0.0
            moved = side - part.T @ (y[out] - y.mean())
            moved -= (known - y.mean()) * (design.sum(axis=0) - part.sum(axis=0))
            for penalty in PENALTIES:
                weights = _solve(gram - part.T @ part, moved, penalty)
                errors[penalty][out] = y[out] - known - part @ weights
        best = min(PENALTIES, key=lambda p: float(np.mean(errors[p] ** 2)))
        slope = _solve(gram, side, best) / spread[live]
        return cls(
            singles=singles,
            terms=terms,
            low=low,
            high=high,
            centre=centre,
            intercept=float(y.mean() - slope @ mean[live]),
            slope=slope,
            errors=errors[best],
        )

    def level(self, widening: Floats, deviation: float) -> HingeLevel:
        """Write the ridge as a level, with what each unknown column adds to its error."""
        X = _imputed(self.singles.X, self.centre)
        predicted = _design(X, self.terms) @ self.slope
        unknown = []
        for column, middle in enumerate(self.centre):
            moved = [
                n for n, t in enumerate(self.terms) if any(c == column for c, _ in t)
            ]
            terms = tuple(self.terms[n] for n in moved)
            hidden = X.copy()
            hidden[:, column] = middle
            lost = (_design(X, terms) - _design(hidden, terms)) @ self.slope[moved]
            unknown.append(float(lost.std()) if len(predicted) else 0.0)
        return HingeLevel(
            intercept=self.intercept,
            low=tuple(self.low.tolist()),
            high=tuple(self.high.tolist()),
            centre=tuple(self.centre.tolist()),
            unknown=tuple(unknown),
            widening=tuple(widening.tolist()),
            terms=self.terms,
            slope=tuple(self.slope.tolist()),
            deviation=deviation,
        )


def _imputed(X: Floats, centre: Sequence[float] | Floats) -> Floats:
    return np.where(np.isnan(X), np.asarray(centre), X)


def _terms(names: Sequence[str], X: Floats, low: Floats) -> tuple[Term, ...]:
    """List the terms: hinges of each number, alone and for each gate."""
    gates = [
        place
        for place, name in enumerate(names)
        if name.startswith(GATES) and GATE_SHARE < X[:, place].mean() < 1 - GATE_SHARE
    ]
    terms: list[Term] = []
    for place in range(len(names)):
        flag = bool(np.isin(X[:, place], (0.0, 1.0)).all())
        knots = {float(low[place])}
        if not flag:
            knots |= set(np.quantile(X[:, place], QUANTILES).tolist())
        for knot in sorted(knots):
            terms.append(((place, knot),))
            terms += [
                ((place, knot), (gate, 0.0)) for gate in gates if place not in gates
            ]
    return tuple(terms)


def _design(X: Floats, terms: Sequence[Term]) -> Floats:
    design = np.ones((len(X), len(terms)))
    for place, term in enumerate(terms):
        for column, knot in term:
            design[:, place] *= np.maximum(X[:, column] - knot, 0.0)
    return design


def _solve(gram: Floats, side: Floats, penalty: float) -> Floats:
    return np.asarray(np.linalg.solve(gram + penalty * np.eye(len(gram)), side))


def _deviations(singles: SingleCosts, errors: Floats) -> tuple[Floats, float]:
    """Measure the deviation of all runs, and by how much each type's differs from it."""
    deviation = float(np.sqrt(np.mean(errors**2)))
    widening = np.zeros(len(singles.names))
    for place, name in enumerate(singles.names):
        if not name.startswith("operation_type="):
            continue
        squares = errors[singles.X[:, place] == 1] ** 2
        shrunk = squares.sum() + FEWEST_OF_TYPE * deviation**2
        shrunk /= len(squares) + FEWEST_OF_TYPE
        widening[place] = 0.5 * np.log(shrunk / deviation**2)
    return widening, deviation
