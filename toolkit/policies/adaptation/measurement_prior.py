"""What cross-fitting taught about how far history may be trusted on one problem."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.errors import SchemaError
from toolkit.policies import Floats, Problem
from toolkit.policies.adaptation.softening import KNEE, unsoftened

__all__ = ["MeasurementPrior", "curve_kernels"]

LENGTHS = (0.5, 1.5)
"""Length scales of the smooth kernels, in spreads of an action axis."""

DEFAULT_SPREAD = 2.0
"""Sizes from 1 to 64 spread over two doublings."""
DEFAULT_AMPLITUDES = (0.1, 0.05, 0.2, 0.05, 0.005)
"""Variances of `curve_kernels` where nothing was learned: a cost that changes by about a
half over the range, smoothly, and by seven percent from one size to the next at random."""
DEFAULT_SCALES = (0.0625, 0.25, 1.0, 4.0)


def curve_kernels(points: Floats, lengths: tuple[float, ...] = LENGTHS) -> Floats:
    """Covariances between the actions of one problem, of unit amplitude.

    A slope, two lengths of smooth deviation, a curvature, and one for each action that
    is its own: shape (5, ..., n, n) for points of shape (..., n, axes), which are
    centred and in spreads.

    Parameters
    ----------
    points : array of shape (..., n, axes)
        Centred, in spreads.
    lengths : tuple of float
        Length scales of the smooth kernels, in spreads.

    Returns
    -------
    array of shape (5, ..., n, n)
        In the order above.

    Examples
    --------
    >>> curve_kernels(np.array([[-1.0], [1.0]]))[0].tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    across = points[..., :, None, :], points[..., None, :, :]
    product = (across[0] * across[1]).sum(axis=-1)
    square = ((across[0] - across[1]) ** 2).sum(axis=-1)
    smooth = [np.exp(-0.5 * square / length**2) for length in lengths]
    own = np.broadcast_to(np.eye(points.shape[-2]), product.shape)
    return np.stack([product, *smooth, product**2, own])


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementPrior:
    """What cross-fitting over groups taught about how wrong history is.

    Attributes
    ----------
    axes : tuple of int
        Action columns that the curve runs along.
    spread : tuple of float
        Length of each axis: the spread within a problem, stretched as curves ask.
    amplitudes : tuple of tuples of float
        Variances of `curve_kernels`, for a mean from history and for no mean.
    scales : tuple of float
        Multiples of those variances that are entertained.
    weights : tuple of tuples of float
        Prior probability of each (mean, scale); sums to 1.
    noise : float
        Variance of the log cost of one own run, at least 0; 0 believes it exactly.
    stretch : bool
        Whether predicted curves are unsoftened first: members learn costs in which a bad
        action's badness counts less.
    lengths : tuple of float
        Length scales of the two smooth kernels, in spreads.
    """

    axes: tuple[int, ...]
    spread: tuple[float, ...]
    amplitudes: tuple[tuple[float, ...], tuple[float, ...]]
    scales: tuple[float, ...]
    weights: tuple[tuple[float, ...], tuple[float, ...]]
    noise: float = 0.0
    stretch: bool = False
    lengths: tuple[float, ...] = LENGTHS

    @property
    def history_counts(self) -> bool:
        """Whether any component follows history: else own runs decide alone."""
        return sum(self.weights[0]) > 0

    def costs(self, log_cost: Floats) -> Floats:
        """Put predicted log costs, shape (n_actions,), in the form that runs correct.

        Parameters
        ----------
        log_cost : array of shape (n_actions,)
            As members predict it: softened beyond the knee.

        Returns
        -------
        array of shape (n_actions,)
            The softening undone where the prior was learned so (`stretch`).
        """
        if not self.stretch:
            return np.asarray(log_cost, dtype=np.float64)
        least = log_cost.min()
        return np.asarray(least + unsoftened(log_cost - least, KNEE))

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name; `from_json` reads it back.
        """
        return {
            "axes": list(self.axes),
            "spread": list(self.spread),
            "amplitudes": [list(row) for row in self.amplitudes],
            "scales": list(self.scales),
            "weights": [list(row) for row in self.weights],
            "noise": self.noise,
            "stretch": self.stretch,
            "lengths": list(self.lengths),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "MeasurementPrior":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        MeasurementPrior

        Raises
        ------
        SchemaError
            Where something is missing or of another type.
        """
        try:
            amplitudes = [tuple(map(float, row)) for row in value["amplitudes"]]
            weights = [tuple(map(float, row)) for row in value["weights"]]
            return cls(
                axes=tuple(map(int, value["axes"])),
                spread=tuple(map(float, value["spread"])),
                amplitudes=(amplitudes[0], amplitudes[1]),
                scales=tuple(map(float, value["scales"])),
                weights=(weights[0], weights[1]),
                noise=float(value["noise"]),
                stretch=bool(value["stretch"]),
                lengths=tuple(map(float, value["lengths"])),
            )
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
            IndexError,
        ) as error:
            raise SchemaError(
                "not a measurement prior", field="measurement_prior", got=str(error)
            ) from error

    @classmethod
    def default(cls, axes: int) -> "MeasurementPrior":
        """Build the prior that stands in where nothing was learned: smooth in log size.

        Parameters
        ----------
        axes : int
            Action columns, logarithms of sizes.

        Returns
        -------
        MeasurementPrior
            With equal weight for the history and against it.
        """
        return cls(
            axes=tuple(range(axes)),
            spread=(DEFAULT_SPREAD,) * axes,
            amplitudes=(DEFAULT_AMPLITUDES, DEFAULT_AMPLITUDES),
            scales=DEFAULT_SCALES,
            weights=((1 / 8,) * 4, (1 / 8,) * 4),
        )

    def covariances(self, points: Floats) -> Floats:
        """Compute the covariance of every (mean, scale) between actions: (2 scales, n, n).

        Parameters
        ----------
        points : array of shape (n_actions, axes)
            As of `points`.

        Returns
        -------
        array of shape (2 * scales, n_actions, n_actions)
            First those around the history, then those around no history.
        """
        kernels = curve_kernels(points, self.lengths)
        base = [np.tensordot(row, kernels, 1) for row in np.asarray(self.amplitudes)]
        return np.array([scale * matrix for matrix in base for scale in self.scales])

    def points(self, problem: Problem) -> Floats:
        """Place a problem's actions on the curve's axes: centred, in spreads.

        Parameters
        ----------
        problem : Problem
            Its actions are logarithms of sizes.

        Returns
        -------
        array of shape (n_actions, axes)
        """
        values = problem.actions[:, list(self.axes)] / np.asarray(self.spread)
        return np.asarray(values - values.mean(axis=0))
