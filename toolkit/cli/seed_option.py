"""The `--seed` of every command that draws."""

import argparse

__all__ = ["add_seed_option", "seed"]


def add_seed_option(parser: argparse.ArgumentParser) -> None:
    """Add `--seed`.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="of everything that is drawn (default: %(default)s)",
    )


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
