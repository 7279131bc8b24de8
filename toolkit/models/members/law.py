r"""The scalability law on relative cost, where an action is a number of workers.

With n workers the time follows the Universal Scalability Law (Gunther, 1993; Amdahl's law
is its :math:`\kappa = 0`), and every cost in use is a power of time and workers:

.. math:: \log c = q \log(1 + \sigma(z)(n-1) + \kappa(z) n(n-1)) + r \log n + \text{level}

with (q, r) = (1, -1) for time, (1, 0) for money and rent, (2, -1) for the power knee; the
one that fits the training groups best is taken. :math:`\sigma, \kappa \ge 0` depend on the
context through softplus, so each curve has one minimum whatever the data say. Other axes
have a term of the same shape: a batch with overhead and cascades follows it too.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from toolkit.arrays import Floats
from toolkit.models import RelativeRows
from toolkit.models.rows import RelativeLayout

__all__ = ["FittedLaw", "RelativeLaw"]


FORMS = ((1.0, -1.0), (1.0, 0.0), (2.0, -1.0))
"""(q, r) of time, money or rent, and knee."""
LOG_LIMIT = 12.0
"""exp(12) is 160,000 workers: beyond it squares overflow."""
INTERCEPT_PENALTY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeLaw:
    """Fits contention and coherency by least squares within problems.

    Parameters
    ----------
    alpha : float
        Penalty on slopes, above 0.
    steps : int
        Most iterations of L-BFGS for each form.
    """

    alpha: float = 1.0
    steps: int = 80

    def fit(self, rows: RelativeRows) -> "FittedLaw":
        """Fit on the rows of some groups."""
        context = _context(rows.layout, rows.X)
        mean, spread = context.mean(axis=0), context.std(axis=0)
        spread = np.where(spread > 1e-9, spread, np.inf)
        design = _design(context, mean, spread)
        log_n = _log_counts(rows.layout, rows.X)
        curves = _Curves.of(rows, design, log_n)
        found = [(*self._fitted(curves, form), form) for form in FORMS]
        _, coefficients, form = min(found, key=lambda each: each[0])
        return FittedLaw(
            layout=rows.layout,
            mean=mean,
            spread=spread,
            coefficients=coefficients,
            form=form,
        )

    def _fitted(
        self, curves: "_Curves", form: tuple[float, float]
    ) -> tuple[float, Floats]:
        """Fit one form: (penalised loss, coefficients)."""
        start = curves.start()
        penalty = np.full(start.shape, self.alpha)
        penalty[..., 0] *= INTERCEPT_PENALTY

        def loss(flat: Floats) -> tuple[float, Floats]:
            values = flat.reshape(start.shape)
            away = values - start
            error, slope = curves.error(values, form)
            total = error + (penalty * away**2).sum()
            gradient = slope + 2 * penalty * away
            return total / curves.total, gradient.ravel() / curves.total

        found = minimize(
            loss,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.steps},
        )
        return float(found.fun), np.asarray(found.x.reshape(start.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLaw:
    """Coefficients of contention and coherency, shape (axes, 2, 1 + context)."""

    layout: RelativeLayout
    mean: Floats
    spread: Floats
    coefficients: Floats
    form: tuple[float, float]
    log_limit: ClassVar[float] = LOG_LIMIT

    def predict(self, X: Floats) -> Floats:
        """Predict relative log cost, shape (n,)."""
        design = _design(_context(self.layout, X), self.mean, self.spread)
        log_n = _log_counts(self.layout, X)
        power, price = self.form
        slow = _slowdown(design, self.coefficients, _shapes(log_n))
        return np.asarray((power * np.log(slow) + price * log_n).sum(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curves:
    """Training rows, laid out for the loss."""

    design: Floats
    log_n: Floats
    shapes: Floats
    problem: NDArray[np.int64]
    weight: Floats
    share: Floats
    target: Floats

    @classmethod
    def of(cls, rows: RelativeRows, design: Floats, log_n: Floats) -> "_Curves":
        # How bad a bad action is matters less than which one is good.
        weight = rows.weight / (1 + rows.regret) ** 2
        share = weight / np.bincount(rows.problem, weight)[rows.problem]
        made = cls(
            design=design,
            log_n=log_n,
            shapes=_shapes(log_n),
            problem=rows.problem,
            weight=weight,
            share=share,
            target=np.zeros(0),
        )
        return cls(
            design=design,
            log_n=log_n,
            shapes=made.shapes,
            problem=rows.problem,
            weight=weight,
            share=share,
            target=made.centred(rows.regret),
        )

    @property
    def total(self) -> float:
        return float(self.weight.sum())

    def centred(self, values: Floats) -> Floats:
        """Subtract each problem's weighted mean: its level is unknown."""
        means = np.bincount(self.problem, self.share * values)
        return np.asarray(values - means[self.problem])

    def start(self) -> Floats:
        """Begin with a shallow minimum near the middle of the counts."""
        middle = np.median(self.log_n, axis=0)
        start = np.zeros((len(middle), 2, self.design.shape[1]))
        start[:, 0, 0] = -middle - 1
        start[:, 1, 0] = -2 * middle
        return start

    def error(self, values: Floats, form: tuple[float, float]) -> tuple[float, Floats]:
        """Weighted squared error and its slope, shape (axes, 2, columns)."""
        power, price = form
        slow = _slowdown(self.design, values, self.shapes)
        predicted = (power * np.log(slow) + price * self.log_n).sum(axis=1)
        error = self.centred(predicted) - self.target
        pull = 2 * power * self.weight * error
        inner = _sigmoid(_linear(self.design, values)) * self.shapes
        inner *= (pull[:, None] / slow)[..., None]
        slope = inner.reshape(len(inner), -1).T @ self.design
        return float(self.weight @ error**2), slope.reshape(values.shape)


def _context(layout: RelativeLayout, X: Floats) -> Floats:
    """Context columns and how wide the offer is along each axis."""
    below = layout.offered[: layout.axes]
    above = layout.offered[layout.axes : 2 * layout.axes]
    return np.hstack([X[:, layout.x], X[:, above] - X[:, below]])


def _design(context: Floats, mean: Floats, spread: Floats) -> Floats:
    return np.hstack([np.ones((len(context), 1)), (context - mean) / spread])


def _log_counts(layout: RelativeLayout, X: Floats) -> Floats:
    """Natural log of n over the smallest on offer, shape (rows, axes)."""
    above = layout.offered[layout.axes : 2 * layout.axes]
    return np.asarray(np.clip(X[:, above] * np.log(2), 0.0, LOG_LIMIT))


def _shapes(log_n: Floats) -> Floats:
    """(n - 1, n (n - 1)), shape (rows, axes, 2)."""
    n = np.exp(log_n)
    return np.stack([n - 1, n * (n - 1)], axis=-1)


def _slowdown(design: Floats, coefficients: Floats, shapes: Floats) -> Floats:
    softplus = np.logaddexp(0.0, _linear(design, coefficients))
    return np.asarray(1 + (softplus * shapes).sum(axis=-1))


def _linear(design: Floats, coefficients: Floats) -> Floats:
    """Linear functions of the context, shape (rows, axes, 2)."""
    axes, pair, width = coefficients.shape
    flat = design @ coefficients.reshape(axes * pair, width).T
    return np.asarray(flat.reshape(len(design), axes, pair))


def _sigmoid(value: Floats) -> Floats:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * value)))
