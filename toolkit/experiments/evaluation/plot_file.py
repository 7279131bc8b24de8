"""Writes a figure so that the same figures give the same file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_plot"]

UNDATED: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None},
    ".png": {"Software": None},
}
"""Kinds of file, with the metadata to leave out."""


def write_plot(figure: "Figure", path: Path) -> None:
    """Write a figure as SVG or PNG, without the date and with fixed element names.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path
        Ends in `.svg` or `.png`; its folder is made where it is missing.

    Raises
    ------
    UsageError
        The name ends in neither.
    """
    import matplotlib as mpl

    if path.suffix not in UNDATED:
        raise UsageError(f"`{path.name}` must end in .svg or .png")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Text stays text: small, searchable, and the same on every machine.
    with mpl.rc_context({"svg.hashsalt": "toolkit", "svg.fonttype": "none"}):
        figure.savefig(path, metadata=UNDATED[path.suffix])
