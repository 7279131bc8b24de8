"""`toolkit features build`: a feature table from a store's records."""

import argparse
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.engine_option import add_engine_options, chosen_spark
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table
from toolkit.cli.places import local
from toolkit.cli.progress import progress

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.history import Dataset, Spark

__all__ = ["add_parser", "plain_cells"]


def add_parser(subparsers: Any) -> None:
    """Add the noun and its verb."""
    parser = subparsers.add_parser("features", help="build feature tables")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    build = verbs.add_parser(
        "build", help="build the batch or workflow table, as of each row's start"
    )
    build.add_argument("kind", choices=["batch", "workflow"])
    add_store_option(build, reads=True)
    build.add_argument(
        "--out",
        type=local,
        required=True,
        metavar="FILE",
        help=".parquet or .csv; with Spark, .parquet is a folder of files",
    )
    build.add_argument(
        "--provenance",
        action="append",
        metavar="NAME",
        help="keep rows of this provenance; repeat (default: measured, derived, declared)",
    )
    add_engine_options(build)
    add_json_option(build)
    build.set_defaults(command=_build)


def _build(options: argparse.Namespace) -> int:
    from toolkit.errors import UsageError
    from toolkit.features import TRAINABLE
    from toolkit.history import read_store
    from toolkit.records import Provenance

    if options.out.suffix not in (".parquet", ".csv"):
        raise UsageError(f"`--out {options.out}`: end it in .parquet or .csv")
    known = [str(value) for value in Provenance]
    for name in options.provenance or ():
        if name not in known:
            raise UsageError.unknown("provenance", name, known)
    chosen = tuple(options.provenance or TRAINABLE)
    spark = chosen_spark(options)
    with progress(f"building the {options.kind} table") as shown:
        dataset = read_store(options.store, report=shown)
        write = _write_csv if options.out.suffix == ".csv" else _write_parquet
        rows, known_share = write(options, dataset, chosen, spark)
    if options.json:
        columns = {name: round(share, 4) for name, share in known_share.items()}
        print_json({"rows": rows, "columns": columns, "file": str(options.out)})
    else:
        print_table(
            ["column", "known"],
            [[name, f"{share:.0%}"] for name, share in known_share.items()],
        )
        print_note(f"{rows} rows in {options.out}")
    return 0


Written = tuple[int, dict[str, float]]
"""Rows that were written, and the share of them that knows each column."""


def _write_csv(
    options: argparse.Namespace,
    dataset: "Dataset",
    provenances: tuple[str, ...],
    spark: "Spark | None",
) -> Written:
    from toolkit.features import batch_table, workflow_table

    build = batch_table if options.kind == "batch" else workflow_table
    table = build(dataset, provenances=provenances, spark=spark)
    plain_cells(table).to_csv(options.out, index=False)
    shares = table.notna().mean()
    return len(table), {str(name): float(share) for name, share in shares.items()}


def _write_parquet(
    options: argparse.Namespace,
    dataset: "Dataset",
    provenances: tuple[str, ...],
    spark: "Spark | None",
) -> Written:
    from toolkit.features import known_shares, write_batch_table, write_workflow_table

    write = write_batch_table if options.kind == "batch" else write_workflow_table
    write(dataset, options.out, provenances=provenances, spark=spark)
    return known_shares(options.out)


def plain_cells(table: "pd.DataFrame") -> "pd.DataFrame":
    """Copy a table with texts that no spreadsheet takes for a formula."""
    from toolkit.escaping import csv_text

    texts = table.select_dtypes(include=["object", "string", "category"]).columns
    safe = {name: table[name].map(csv_text, na_action="ignore") for name in texts}
    return table.assign(**safe)
