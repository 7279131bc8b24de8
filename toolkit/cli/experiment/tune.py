"""`toolkit experiment tune`: the studies of an experiment, by several processes."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.experiment.records_of import (
    add_record_options,
    spec_records,
    work_folder,
)
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note
from toolkit.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.experiments.tuning import RuleStudy

__all__ = ["add_studies_option", "add_verb"]

MOST_WORKERS = 64


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit experiment`."""
    parser = verbs.add_parser(
        "tune",
        help="run the trials of a spec.toml with several processes",
        description="Fill the studies that `experiment run` tunes: one budget for all "
        "processes, here and on machines that join. Any of them may be killed.",
    )
    add_record_options(parser)
    add_studies_option(parser)
    parser.add_argument(
        "--workers", type=_count, default=1, metavar="N", help="processes (default: 1)"
    )
    parser.add_argument(
        "--join",
        action="store_true",
        help="only help with studies that another machine has begun",
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="silence after which the trial of another machine's worker is given to "
        "another (default: 60)",
    )
    add_json_option(parser)
    parser.set_defaults(command=_tune)


def add_studies_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where studies are kept."""
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="keep the studies in postgresql://USER@HOST/DATABASE, or in this journal "
        "(default: optuna.journal in the work folder)",
    )


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"not between 1 and {MOST_WORKERS}")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0.1 <= number <= 86_400:
        raise argparse.ArgumentTypeError("not between 0.1 and 86400")
    return number


def _tune(options: argparse.Namespace) -> int:
    from toolkit.experiments.training import (
        experiment_studies,
        history_rows,
        read_spec,
        table_of,
    )
    from toolkit.experiments.tuning import shown_address, studies_place, tune_together
    from toolkit.history import compact_store

    spec, work = read_spec(options.spec), work_folder(options)
    where = studies_place(options.storage, work)
    with (
        progress(spec.name) as shown,
        spec_records(
            spec, store=options.store, work=work, report=shown, table=options.table
        ) as records,
    ):
        if not isinstance(records, Path):
            compact_store(records)
        table = table_of(spec, history_rows(spec, records))
    studies = experiment_studies(table, spec)
    began_s = time.monotonic()
    with progress(spec.name) as shown:
        counts = tune_together(
            studies,
            where=where,
            workers=options.workers,
            report=shown,
            join=options.join,
            patience_s=options.patience,
        )
    answer = _answer(studies, counts)
    answer |= {
        "storage": shown_address(where),
        "seconds": round(time.monotonic() - began_s, 3),
    }
    if options.json:
        print_json(answer)
    else:
        _show(answer)
    return 0


def _answer(studies: "Sequence[RuleStudy]", counts: "Sequence[Any]") -> dict[str, Any]:
    by_worker: dict[str, int] = {}
    for count in counts:
        for worker, trials in count.by_worker.items():
            by_worker[worker] = by_worker.get(worker, 0) + trials
    return {
        "studies": [
            {
                "name": study.name,
                "finished": count.finished,
                "pruned": count.pruned,
                "failed": count.failed,
            }
            for study, count in zip(studies, counts, strict=True)
        ],
        "finished": sum(count.finished for count in counts),
        "failed": sum(count.failed for count in counts),
        "workers": sorted(by_worker.values(), reverse=True),
    }


def _show(answer: dict[str, Any]) -> None:
    print_note(
        f"{answer['finished']} trials of {len(answer['studies'])} studies are finished "
        f"in {answer['storage']}, by {len(answer['workers'])} processes "
        f"({', '.join(map(str, answer['workers']))}); {answer['failed']} were taken from "
        "processes that ended"
    )
