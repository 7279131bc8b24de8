"""`toolkit records`: import, compact and show a store; other verbs join by a table."""

import argparse
import importlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table
from toolkit.cli.places import local
from toolkit.cli.progress import progress
from toolkit.cli.records.table import add_table_options, prepare

if TYPE_CHECKING:
    from toolkit.errors import InputDataError
    from toolkit.history import EngineLimits
    from toolkit.history.importers import ImportReport

__all__ = ["SOURCE_NAMES", "VERBS", "add_parser"]

SOURCE_NAMES = {
    "claude-code": "transcripts of Claude Code (directories, .jsonl, .jsonl.gz)",
    "codex": "rollouts of Codex CLI",
    "opencode": "databases, exports and the older files of OpenCode",
    "copilot": "event logs of GitHub Copilot CLI",
    "gemini": "chats of Gemini CLI",
    "pi": "sessions of pi",
    "atif": "trajectories in ATIF, to which Harbor converts the logs of other agents",
    "claude-flow": "metrics and databases of claude-flow",
    "table": "CSV, JSONL or Parquet of any origin, with --map",
    "hooks": "what installed hooks recorded (the `hooks` folder of a store)",
    "otlp": "OpenTelemetry logs and traces as JSON lines",
    "spool": "spools that other stores wrote",
}
"""Every source with its one-line help."""

VERBS = (
    "measure",
    "simulate",
    "receive",
    "upkeep",
    "sharing",
    "ship",
    "alias",
    "price",
)
"""Verbs in a module of their own, `toolkit.cli.records.<verb>`, with `add_verb`."""

SHOWN_REJECTIONS = 20
"""Rejected lines that `show` lists for people; `--json` has the counts by reason."""


def add_parser(subparsers: Any) -> None:
    """Add the noun and its verbs."""
    parser = subparsers.add_parser("records", help="import and show records")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_import(verbs)
    _add_compact(verbs)
    _add_show(verbs)
    for verb in VERBS:
        importlib.import_module(f"toolkit.cli.records.{verb}").add_verb(verbs)


def _add_import(verbs: Any) -> None:
    from toolkit.history.importers import PLACES

    parser = verbs.add_parser("import", help="import records from files")
    sources = parser.add_subparsers(dest="origin", metavar="SOURCE", required=True)
    for name, text in SOURCE_NAMES.items():
        source = sources.add_parser(name, help=text, description=text)
        source.add_argument(
            "paths",
            nargs="*" if name in PLACES or name == "table" else "+",
            type=local,
            metavar="PATH",
            help="files and folders"
            + (" (default: where that agent keeps its logs)" if name in PLACES else ""),
        )
        _add_store(source)
        source.add_argument(
            "--again",
            action="store_true",
            help="also read files that have not changed since their last import",
        )
        if name == "table":
            add_table_options(source)
        source.set_defaults(command=_import)
    text = "the logs of every coding agent that is found on this machine"
    every = sources.add_parser("auto", help=text, description=text)
    every.add_argument(
        "paths",
        nargs="*",
        type=local,
        metavar="PATH",
        help="logs of any agents, sorted by what they hold (default: where each "
        "agent keeps its own)",
    )
    _add_store(every)
    every.set_defaults(command=_import_found)


def _add_compact(verbs: Any) -> None:
    parser = verbs.add_parser(
        "compact",
        help="merge the spool, or what was shipped, into Parquet files",
        description="On object storage (s3://BUCKET/PREFIX) it merges what machines "
        "shipped there; any number may run at once.",
    )
    _add_store(parser, reads=True)
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads to use (default: 1)"
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="memory before spilling to disk, as 400MB or 2GB (default: 192MB, and more where that is not enough)",
    )
    parser.set_defaults(command=_compact)


def _add_show(verbs: Any) -> None:
    parser = verbs.add_parser("show", help="count what a store holds")
    _add_store(parser, reads=True)
    parser.set_defaults(command=_show)


def _add_store(parser: argparse.ArgumentParser, *, reads: bool = False) -> None:
    add_store_option(parser, reads=reads)
    add_json_option(parser)


def _import(options: argparse.Namespace) -> int:
    from toolkit.history import RecordStore, installed_prices
    from toolkit.history.importers import open_source, run_import, usable_processes

    if options.origin == "table" and (done := prepare(options)) is not None:
        return done
    given = {"map_path": options.map} if options.origin == "table" else {}
    source = open_source(options.origin, **given)
    paths = options.paths or _places_of(options.origin)
    workers = usable_processes()  # before a progress bar has its thread
    with RecordStore(options.store) as store, progress("reading") as shown:
        report = run_import(
            source,
            paths,
            store,
            progress=shown,
            prices=installed_prices(options.store),
            skip_unchanged=not options.again,
            workers=workers,
        )
    if options.json:
        print_json(report.to_json())
    else:
        _print_report(options.origin, report)
    if report.unchanged_files and not options.json:
        print_note(
            f"{report.unchanged_files} files unchanged since their last import were not "
            "read again (`--again` reads them)"
        )
    if report.is_useless:
        raise _useless(options.origin, paths, report)
    return 0


def _import_found(options: argparse.Namespace) -> int:
    from toolkit.cli.records.auto import import_found

    reports = import_found(options.store, options.paths)
    if options.json:
        print_json({name: report.to_json() for name, report in reports.items()})
    else:
        header = ["source", "sessions", "batches", "turns", "added", "not readable"]
        header.append("files unchanged")
        print_table(
            header,
            [
                [
                    name,
                    report.sessions,
                    report.batches,
                    report.turns,
                    report.added,
                    report.rejected + report.refused_files,
                    report.unchanged_files,
                ]
                for name, report in reports.items()
            ],
        )
    return 0


def _places_of(origin: str) -> list[Path]:
    from toolkit.cli.records.auto import found_logs
    from toolkit.errors import InputDataError

    places = found_logs().get(origin, [])
    if not places:
        raise InputDataError(
            f"no logs of {origin} are found where it keeps them",
            fix=f"name them: `toolkit records import {origin} PATH`",
        )
    return places


def _useless(
    origin: str, paths: Sequence[Path], report: "ImportReport"
) -> "InputDataError":
    """Say that an import gave nothing at all: a script must not take that for done."""
    from toolkit.errors import InputDataError
    from toolkit.history.importers.otlp import UNDERSTOOD

    kinds = ", ".join(f"{n} x {kind}" for kind, n in report.passed_over.items())
    why = f"; passed over: {kinds}" if kinds else ""
    if report.first_reason:
        why = f" ({report.first_reason}){why}"
    return InputDataError(
        f"nothing in it could be imported: {report.rejected} lines and "
        f"{report.refused_files} files could not be read{why}",
        file=paths[0] if len(paths) == 1 else None,
        fix=f"understood are {UNDERSTOOD}"
        if origin == "otlp"
        else "`toolkit records show --store DIR` lists the reasons",
    )


def _shown_counts(origin: str, report: "ImportReport") -> dict[str, int]:
    """Name the counts for people: what forks repeat was not updated."""
    counts = {
        name.replace("_", " "): value
        for name, value in report.to_json().items()
        if isinstance(value, int)
    }
    shared = counts.pop("shared ids")
    counts["updated"] -= shared
    if shared:
        title = "rows that share an id" if origin == "table" else "also in forks"
        counts[title] = shared
    return counts


def _print_report(origin: str, report: "ImportReport") -> None:
    parts = [_shown_counts(origin, part) for part in report.parts]
    rows = [
        [name, *(part.get(name, 0) for part in parts), whole]
        for name, whole in _shown_counts(origin, report).items()
    ]
    titles = [part.path for part in report.parts] if len(parts) > 1 else []
    if not titles:
        rows = [[row[0], row[-1]] for row in rows]
    print_table(["what", *titles, "all"], rows)
    if report.passed_over:
        print_table(["passed over, by kind", "count"], list(report.passed_over.items()))
    if report.shared_ids and origin == "table":
        print_note(
            f"{report.shared_ids} rows share an id with another row and took its place; "
            "name more columns in `identity`"
        )
    if report.rejected or report.refused_files:
        print_note(
            f"{report.rejected} lines and {report.refused_files} files could not be "
            "read; `toolkit records show` says why"
        )


def _compact(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from toolkit.history import (
        COMPACTING,
        RecordStore,
        compact_store,
        read_duplicates,
        read_store,
    )

    read_store(options.store)  # a mistyped name is refused, not made
    limits = replace(
        COMPACTING,
        threads=COMPACTING.threads if options.threads is None else options.threads,
        memory=COMPACTING.memory if options.memory is None else options.memory,
        grows=options.memory is None,
    )
    if not isinstance(options.store, Path):
        return _compact_objects(options, limits)
    with RecordStore(options.store) as store, progress("compacting"):
        done = compact_store(store, limits=limits)
    if done.refused:
        print_note(
            f"{len(done.refused)} spool lines were no records and are set aside; "
            "`toolkit records show` says why"
        )
    seen_by_both = read_duplicates(options.store)
    counts: Mapping[str, Any] = {
        "partitions": done.partitions,
        "spool_files": done.spool_files,
        "rows": done.rows,
        "seen_by_both": seen_by_both.to_json(),
    }
    if options.json:
        print_json(counts)
    else:
        print_table(
            ["what", "count"],
            [
                ["spool files merged", done.spool_files],
                ["partitions written", done.partitions],
                *([f"{kind} rows", rows] for kind, rows in done.rows.items()),
                ["batches of hooks and transcripts alike", seen_by_both.both],
                *(
                    [f"of them with another `{name}`", times]
                    for name, times in seen_by_both.disagreements.items()
                ),
            ],
        )
    return 0


def _compact_objects(options: argparse.Namespace, limits: "EngineLimits") -> int:
    from toolkit.history import cache_for, compact_objects, open_objects

    objects = open_objects(options.store, os.environ)
    with progress("merging") as shown:
        done = compact_objects(
            objects, cache_for(options.store, os.environ), limits=limits, report=shown
        )
    if done.refused:
        print_note(
            f"{len(done.refused)} lines were no records; they are kept in "
            f"{options.store}/refused"
        )
    counts = {
        "partitions": done.partitions,
        "segments": done.spool_files,
        "rows": done.rows,
        "refused": len(done.refused),
        "damaged": [str(path) for path in done.damaged],
    }
    if options.json:
        print_json(counts)
    else:
        print_table(
            ["what", "count"],
            [
                ["segments merged", done.spool_files],
                ["partitions written", done.partitions],
                *([f"{kind} rows", rows] for kind, rows in done.rows.items()),
            ],
        )
    return 0


def _show(options: argparse.Namespace) -> int:
    from toolkit.history import read_rejected, read_store

    here = isinstance(options.store, Path)
    rejected = list(read_rejected(options.store)) if here else []
    reasons = Counter(row["reason"] for row in rejected)
    with progress("reading") as report:
        summary = read_store(options.store, report=report).summary()
    shown: dict[str, Any] = {
        "records": [count.to_json() for count in summary],
        "rejected": len(rejected),
        "rejected_by_reason": dict(sorted(reasons.items())),
    }
    if options.json:
        print_json(shown)
        return 0
    print_table(
        ["kind", "source", "type", "provenance", "first day", "last day", "records"],
        [list(row.values()) for row in shown["records"]],
    )
    if rejected:
        print_table(
            ["file", "line", "reason"],
            [
                [
                    row["file"],
                    "all" if row["line"] is None else row["line"],
                    row["reason"],
                ]
                for row in rejected[:SHOWN_REJECTIONS]
            ],
        )
        print_note(f"{len(rejected)} lines and files rejected in all")
    return 0
