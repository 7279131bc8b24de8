"""A log as off-policy evaluation sees it: costs, propensities and the other policy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.errors import NotEnoughDataError, UsageError

__all__ = ["LoggedDecisions"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoggedDecisions:
    """Decisions one policy took and paid for, seen by a policy that was not asked.

    Parameters
    ----------
    costs : ndarray of shape (decisions,)
        What each logged action cost; any additive unit, log cost included.
    propensities : ndarray of shape (decisions,)
        Probability, above 0 and up to 1, with which the logging policy took what it
        took; NaN where it was not recorded.
    target : ndarray of shape (decisions,)
        Probability, 0..1, that the evaluated policy takes the logged action there.
    clusters : ndarray of shape (decisions,)
        What is not independent: the session, or the group.
    predicted : ndarray of shape (decisions,), optional
        A model's cost of the logged action, from folds without its cluster.
    predicted_target : ndarray of shape (decisions,), optional
        The model's cost of what the evaluated policy would take, averaged over it.

    Raises
    ------
    UsageError
        Shapes differ, nothing is given, or a value is outside its range.
    NotEnoughDataError
        A propensity is missing: without it no estimate can be unbiased.

    Examples
    --------
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0]),
    ...     propensities=np.array([0.5, 0.25]),
    ...     target=np.array([1.0, 0.0]),
    ...     clusters=np.array(["s1", "s2"]),
    ... )
    >>> log.weights.tolist()
    [2.0, 0.0]
    """

    costs: Floats
    propensities: Floats
    target: Floats
    clusters: NDArray[Any]
    predicted: Floats | None = None
    predicted_target: Floats | None = None

    def __post_init__(self) -> None:
        """Check shapes, then ranges, then that every propensity is known."""
        rows = self.costs.shape
        if len(rows) != 1 or not rows[0]:
            raise UsageError(f"`costs` must be a non-empty list (got shape {rows})")
        for name in ("propensities", "target", "clusters"):
            self._check_shape(name, getattr(self, name).shape)
        for name in ("predicted", "predicted_target"):
            column = getattr(self, name)
            if column is not None:
                self._check_shape(name, column.shape)
                _check_finite(name, column)
        _check_finite("costs", self.costs)
        if not ((self.target >= 0) & (self.target <= 1)).all():
            raise UsageError("`target` holds a probability outside 0..1")
        self._check_propensities()

    @property
    def weights(self) -> Floats:
        """How much more often the evaluated policy takes each logged action, from 0."""
        return self.target / self.propensities

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        if shape != self.costs.shape:
            raise UsageError(
                f"`{name}` has shape {shape}, but there are {len(self.costs)} costs"
            )

    def _check_propensities(self) -> None:
        known = np.isfinite(self.propensities)
        if not known.all():
            raise NotEnoughDataError(
                "an off-policy estimate (the logging policy's propensity is missing)",
                got=int(known.sum()),
                needed=len(known),
                unit="decisions with a propensity",
            )
        if not ((self.propensities > 0) & (self.propensities <= 1)).all():
            raise UsageError(
                "`propensities` must be above 0 and at most 1: an action that was taken "
                "had a chance"
            )


def _check_finite(name: str, column: Floats) -> None:
    if not np.isfinite(column).all():
        raise UsageError(f"`{name}` must be finite; leave out rows that are not known")
