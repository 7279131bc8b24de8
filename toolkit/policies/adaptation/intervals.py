"""Intervals of the actions of one problem, and the deviations they are made of.

Light: numpy only, read by the runtime. How slope and factor are learned stands with the
experiments (`fit_intervals`).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from toolkit.errors import SchemaError
from toolkit.policies import Floats
from toolkit.policies.adaptation.measurement_prior import (
    MeasurementPrior,
    curve_kernels,
)
from toolkit.policies.adaptation.softening import KNEE, MOST_KNEES, unsoftened

__all__ = [
    "Intervals",
    "curve_covariance",
    "curve_deviation",
    "deviation_between",
    "error_scale",
]

LEAST_BADNESS = 0.1
"""Log cost over the best that the best action itself is taken to have."""
WIDEST = 4.6
"""Largest half width in log cost, a factor of a hundred, where none was learned."""
NORMAL = 2.7055
"""90 % of a normal error lie within the root of so many variances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Bounds each action's log cost relative to the mean of those on offer.

    Attributes
    ----------
    slope : float
        By which predicted differences are stretched, above 0.
    factor : float
        Half widths in units of the expected error, at least 0.
    knee, most_knees : float
        How members' costs were softened; see `unsoftened`.
    least_badness : float
        Log cost over the best that the best action itself is taken to have.
    widest : float
        Largest half width in log cost.
    normal : float
        Variances of the level's error within the root of which the interval reaches.
    """

    slope: float
    factor: float
    knee: float = KNEE
    most_knees: float = MOST_KNEES
    least_badness: float = LEAST_BADNESS
    widest: float = WIDEST
    normal: float = NORMAL

    def bounds(self, log_cost: Floats, deviation: Floats) -> tuple[Floats, Floats]:
        """Bound the actions of one problem from below and above.

        Parameters
        ----------
        log_cost : array of shape (n_actions,)
            As predicted, of any level.
        deviation : array of shape (n_actions,)
            As of `curve_deviation`.

        Returns
        -------
        low, high : array of shape (n_actions,)
            Log cost less its mean over the problem's actions.
        """
        centre, half = self.centre_and_half(log_cost, deviation)
        return centre - half, centre + half

    def centre_and_half(
        self, log_cost: Floats, deviation: Floats
    ) -> tuple[Floats, Floats]:
        """Compute the middle and the half width of each action's interval.

        Parameters
        ----------
        log_cost, deviation : array of shape (n_actions,)
            As of `bounds`.

        Returns
        -------
        centre, half : array of shape (n_actions,)
            Log cost less its mean over the actions; half a width, at most `widest`.
        """
        badness = unsoftened(log_cost - log_cost.min(), self.knee, self.most_knees)
        half = self.factor * np.sqrt(deviation * (badness + self.least_badness))
        centre = self.slope * (badness - badness.sum() / len(badness))
        return centre, np.minimum(half, self.widest)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict of str to float
        """
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Intervals":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        Intervals

        Raises
        ------
        SchemaError
            Where something is missing or not a number.
        """
        try:
            return cls(
                **{field.name: float(value[field.name]) for field in fields(cls)}
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(
                "not intervals", field="intervals", got=str(error)
            ) from error


def error_scale(log_cost: Floats, deviation: Floats) -> Floats:
    """Size the error of each action, but for a factor.

    Parameters
    ----------
    log_cost : array of shape (n_actions,)
        As predicted, of any level.
    deviation : array of shape (n_actions,)
        As of `curve_deviation`.

    Returns
    -------
    array of shape (n_actions,)
        Grows with how much worse than the best an action is predicted to be.
    """
    badness = unsoftened(log_cost - log_cost.min(), KNEE) + LEAST_BADNESS
    return np.asarray(np.sqrt(deviation * badness))


def curve_deviation(prior: MeasurementPrior, points: Floats) -> Floats:
    """Compute the expected deviation of each action's error about the problem's mean error.

    Parameters
    ----------
    prior : MeasurementPrior
    points : array of shape (n_actions, axes)
        As of `MeasurementPrior.points`.

    Returns
    -------
    array of shape (n_actions,)
        In log cost, above 0.
    """
    covariance = _centred_covariance(prior, points)
    return np.sqrt(np.maximum(np.diagonal(covariance), 1e-12))


def deviation_between(covariance: Floats, first: int, second: int) -> float:
    """Read the deviation of a difference of two actions off their covariance.

    Parameters
    ----------
    covariance : array of shape (n_actions, n_actions)
        As of `curve_covariance`.
    first, second : int

    Returns
    -------
    float
        In log cost, above 0 also where the two are one.
    """
    variance = covariance[first, first] + covariance[second, second]
    return math.sqrt(max(variance - 2 * covariance[first, second], 1e-12))


def curve_covariance(prior: MeasurementPrior, points: Floats) -> Floats:
    """Compute the covariance of the errors of a problem's actions.

    Parameters
    ----------
    prior : MeasurementPrior
    points : array of shape (n_actions, axes)
        As of `MeasurementPrior.points`.

    Returns
    -------
    array of shape (n_actions, n_actions)
        In squared log cost.
    """
    history = np.asarray(prior.amplitudes[0])
    return np.asarray(np.tensordot(history, curve_kernels(points, prior.lengths), 1))


def _centred_covariance(prior: MeasurementPrior, points: Floats) -> Floats:
    covariance = curve_covariance(prior, points)
    by_row = covariance.mean(axis=0)
    return np.asarray(covariance - by_row - by_row[:, None] + by_row.mean())
