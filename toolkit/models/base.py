"""What every member of the stack is: rows of some groups in, relative log cost out."""

from typing import Protocol

from toolkit.arrays import Floats
from toolkit.models.rows import RelativeRows

__all__ = ["RelativeMember", "RelativeModel"]


class RelativeModel(Protocol):
    """A fitted member."""

    def predict(self, X: Floats) -> Floats:
        """Predict relative log cost, shape (n,).

        Parameters
        ----------
        X : array of shape (n, columns)
            Columns as the layout of the training rows names them.

        Returns
        -------
        array of shape (n,)
            Log cost; only differences within a problem mean anything.
        """
        ...


class RelativeMember(Protocol):
    """A kind of model that learns from the rows of some groups."""

    def fit(self, rows: RelativeRows) -> RelativeModel:
        """Fit on the rows of some groups.

        Parameters
        ----------
        rows : RelativeRows
            Whole problems of the training groups.

        Returns
        -------
        RelativeModel
            Fitted; the member itself keeps its options only.
        """
        ...
