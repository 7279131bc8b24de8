"""`toolkit experiment`: run, and the verbs that other modules bring."""

import argparse
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.engine_option import add_engine_options, chosen_spark
from toolkit.cli.experiment.records_of import (
    add_record_options,
    spec_records,
    work_folder,
)
from toolkit.cli.experiment.tune import add_studies_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_text
from toolkit.cli.places import local
from toolkit.cli.progress import progress

if TYPE_CHECKING:
    from toolkit.history import Place, Spark

__all__ = ["VERBS", "add_parser", "run_spec"]

VERBS = (
    "init",
    "bench",
    "suite",
    "off_policy",
    "controllers",
    "swarm",
    "retrain",
    "ab",
    "tune",
)
"""Verbs in a module of their own, `toolkit.cli.experiment.<verb>`, with `add_verb`."""


def add_parser(subparsers: Any) -> None:
    """Add the noun and its verbs."""
    parser = subparsers.add_parser("experiment", help="run experiments")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_run(verbs)
    _add_report(verbs)
    for verb in VERBS:
        importlib.import_module(f"toolkit.cli.experiment.{verb}").add_verb(verbs)


def _add_run(verbs: Any) -> None:
    parser = verbs.add_parser(
        "run", help="compare, tune, track and export what a spec.toml describes"
    )
    add_record_options(parser)
    add_studies_option(parser)
    add_engine_options(parser)
    add_json_option(parser)
    parser.set_defaults(command=_run)


def _add_report(verbs: Any) -> None:
    parser = verbs.add_parser("report", help="print the report of a finished run")
    parser.add_argument("work", type=local, metavar="DIR", help="the run's folder")
    add_json_option(parser)
    parser.set_defaults(command=_report)


def _run(options: argparse.Namespace) -> int:
    from toolkit.errors import UsageError
    from toolkit.experiments.tuning import studies_place
    from toolkit.records import read_given

    spark = chosen_spark(options)
    if spark is not None and options.table is not None:
        raise UsageError(
            "`--engine spark` builds a table; give it, or the one built as `--table`"
        )
    work = work_folder(options)
    results, markdown = run_spec(
        options.spec,
        store=options.store,
        table=options.table,
        work=work,
        studies=studies_place(options.storage, work),
        spark=spark,
    )
    if options.work is None and options.store is None and options.table is None:
        # The experiment as specified, on its own data: its folder keeps the result.
        result = read_given(work / "results.json").decode("utf-8")
        (options.spec.parent / "results.json").write_text(result, encoding="utf-8")
    if options.json:
        print_json({**results, "bundle": str(work / "bundle")})
    else:
        print_text(markdown)
        print_note(f"results, report and bundle are in {work}")
    return 0


def run_spec(
    path: Path,
    *,
    store: "Place | None",
    work: Path,
    table: Path | None = None,
    spark: "Spark | None" = None,
    studies: str | Path | None = None,
) -> tuple[dict[str, Any], str]:
    """Run a specification on a store, importing the spec's own records if none is given.

    Parameters
    ----------
    path : path
        Of the specification.
    store : path or ObjectAddress, optional
        One on object storage is only read.
    work : path
    table : path, optional
        A feature table in place of records.
    spark : Spark, optional
        Where the feature table is built; DuckDB unless given.
    studies : path or str, optional
        Where studies are kept, instead of the work folder's journal.

    Returns
    -------
    results : dict
        As in `results.json`.
    markdown : str
        The report.
    """
    from toolkit.clock import SystemClock
    from toolkit.experiments.training import read_spec, run_experiment

    spec = read_spec(path)
    with (
        progress(spec.name) as shown,
        spec_records(
            spec, store=store, work=work, report=shown, table=table
        ) as records,
    ):
        outcome = run_experiment(
            spec,
            records,
            work=work,
            now=SystemClock().now(),
            report=shown,
            studies=studies,
            spark=spark,
        )
    return outcome.results, outcome.markdown


def _report(options: argparse.Namespace) -> int:
    import json

    from toolkit.errors import InputDataError
    from toolkit.records import read_given

    path = options.work / ("results.json" if options.json else "report.md")
    try:
        text = read_given(path).decode("utf-8")
        value = json.loads(text) if options.json else {}
    except OSError as error:
        raise InputDataError(
            f"cannot be read: {error.strerror}",
            file=path,
            fix="run `toolkit experiment run` first",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputDataError(
            "damaged", file=path, fix="run `toolkit experiment run` again"
        ) from error
    if options.json:
        print_json(value)
    else:
        print_text(text)
    return 0
