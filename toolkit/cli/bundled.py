"""What travels with the toolkit: the sample and the first experiments."""

import sys
from pathlib import Path

import toolkit
from toolkit.errors import InputDataError

__all__ = ["bundled"]


def bundled(relative: str) -> Path:
    """Find a file of the sample or of an experiment, in a checkout or installed.

    Parameters
    ----------
    relative : str
        As in a checkout: `data/sample`, `experiments/001-batch-size/spec.toml`.

    Returns
    -------
    Path
        In the working directory, in the checkout, or in the installation.

    Raises
    ------
    InputDataError
        It is in none of them.

    Examples
    --------
    >>> bundled("data/sample").name
    'sample'
    """
    checkout = Path(toolkit.__file__).parents[1]
    installed = Path(sys.prefix) / "share" / "workflow-toolkit"
    for place in (Path(), checkout, installed):
        if (place / relative).exists():
            return place / relative
    raise InputDataError(
        "does not travel with this installation",
        file=relative,
        fix="run it from a checkout of the project",
    )
