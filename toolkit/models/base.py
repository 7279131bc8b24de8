"""What every member of the stack is: rows of some groups in, relative log cost out."""

from typing import Protocol

from toolkit.arrays import Floats
from toolkit.models.rows import RelativeRows

__all__ = ["RelativeMember", "RelativeModel"]


class RelativeModel(Protocol):
    """A fitted member."""

    def predict(self, X: Floats) -> Floats:
        """Predict relative log cost, shape (n,)."""
        ...


class RelativeMember(Protocol):
    """A kind of model that learns from the rows of some groups."""

    def fit(self, rows: RelativeRows) -> RelativeModel:
        """Fit on the rows of some groups."""
        ...
