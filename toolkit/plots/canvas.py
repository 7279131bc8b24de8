"""What every plot shares: axes to draw on, and the columns that it needs."""

from typing import TYPE_CHECKING

from toolkit.errors import NotEnoughDataError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["MUTED", "axes_for", "known_rows", "without_people"]

MUTED = "0.55"
"""Grey of what stands beside the data: intervals, floors, grids."""


def axes_for(ax: "Axes | None", *, width: float = 6.0, height: float = 3.6) -> "Axes":
    """Give the axes, or new ones in a figure of their own.

    Parameters
    ----------
    ax : Axes or None
    width, height : float
        Of a new figure, in inches.
    """
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, made = plt.subplots(figsize=(width, height), layout="constrained")
    return made


def known_rows(frame: "pd.DataFrame", *columns: str, what: str) -> "pd.DataFrame":
    """Keep the rows in which all the columns are known.

    Raises
    ------
    UsageError
        A column is not in the frame.
    NotEnoughDataError
        No row is left.
    """
    for column in columns:
        if column not in frame.columns:
            raise UsageError.unknown("column", column, sorted(map(str, frame.columns)))
    kept = frame.dropna(subset=list(columns))
    if kept.empty:
        raise NotEnoughDataError(what, got=0, needed=1, unit="rows")
    return kept


def without_people(rows: "pd.DataFrame", *, what: str) -> "pd.DataFrame":
    """Leave out the rows in whose time a person took part.

    Raises
    ------
    NotEnoughDataError
        No row is left.
    """
    if "censored" in rows.columns:
        rows = rows[~rows["censored"].fillna(value=False).astype(bool)]
    if rows.empty:
        raise NotEnoughDataError(what, got=0, needed=1, unit="rows")
    return rows
