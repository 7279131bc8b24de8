"""The `--seed` of the commands that draw."""

import argparse

__all__ = ["seed"]


def seed(text: str) -> int:
    """Read a seed: a whole number from 0 on, as generators take it.

    Raises
    ------
    argparse.ArgumentTypeError
        It is none.

    Examples
    --------
    >>> seed("7")
    7
    """
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 0 on, got {text}"
        )
    return number
