"""`--engine` and `--master`: where a history is read, DuckDB in this process or Spark."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.history import Spark

__all__ = ["add_engine_options", "chosen_spark"]


def add_engine_options(parser: Any) -> None:
    """Add both options to a command."""
    parser.add_argument(
        "--engine",
        choices=["duckdb", "spark"],
        default="duckdb",
        help="what reads and joins the records (default: duckdb)",
    )
    parser.add_argument(
        "--master",
        metavar="URL",
        help="of Spark: local[N], spark://HOST:PORT, yarn or k8s://HOST:PORT "
        "(default: this machine)",
    )


def chosen_spark(options: argparse.Namespace) -> "Spark | None":
    """Read which engine was asked for.

    Parameters
    ----------
    options : argparse.Namespace
        With `engine` and `master`.

    Returns
    -------
    Spark or None
        `None` for DuckDB.

    Raises
    ------
    UsageError
        A master is given without `--engine spark`, or is none.
    """
    from toolkit.errors import UsageError
    from toolkit.history import Spark

    if options.engine == "spark":
        return Spark(master=options.master)
    if options.master is not None:
        raise UsageError("`--master` is of Spark; give `--engine spark` with it")
    return None
