"""How much of a long test runs: a sample of its trials, or with `THOROUGH=1` all of them."""

import os
from typing import TypeVar

__all__ = ["sampled"]

T = TypeVar("T")


def sampled(few: T, whole: T) -> T:
    """Choose what `make test` tries, or what `THOROUGH=1 make test` does.

    Parameters
    ----------
    few, whole : object
        A number of trials, a step between them, or the trials.
    """
    return whole if os.environ.get("THOROUGH") == "1" else few
