"""`toolkit heal`: a demonstration, a watch over a live spool, the chaos experiment."""

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table, print_text
from toolkit.cli.places import local
from toolkit.cli.seed_option import add_seed_option
from toolkit.errors import NotEnoughDataError, UsageError

if TYPE_CHECKING:
    from toolkit.cli import Parser
    from toolkit.clock import Clock
    from toolkit.runtime.healing import SilenceThresholds

__all__ = ["add_parser"]

SILENCES = "silences.json"
"""File of a store that holds its usual silences."""


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    """Add the noun and its verbs."""
    parser = subparsers.add_parser("heal", help="heal a swarm, or watch one")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_demo(verbs)
    _add_watch(verbs)
    _add_calibrate(verbs)
    _add_chaos(verbs)


def _add_demo(verbs: "argparse._SubParsersAction[Parser]") -> None:
    demo = verbs.add_parser(
        "demo",
        help="real agent processes, real faults, and the engine healing them",
        description="Starts four agent processes, kills, hangs, stops and slows them "
        "one after another and corrupts their memory, and shows the healing.",
    )
    demo.add_argument(
        "--speed",
        type=float,
        default=60.0,
        metavar="X",
        help="virtual seconds in a real one (default: 60; 0: as fast as possible)",
    )
    add_seed_option(demo)
    add_store_option(demo, unnamed="none: what is shown is not kept")
    add_json_option(demo)
    demo.set_defaults(command=_demo)


def _add_watch(verbs: "argparse._SubParsersAction[Parser]") -> None:
    watch = verbs.add_parser(
        "watch",
        help="report stuck and duplicate work of a live store; advice only",
        description="Follows what sessions append to a store and tells what it would "
        "do. It touches nothing.",
    )
    add_store_option(watch)
    watch.add_argument("--once", action="store_true", help="look once, then end")
    add_json_option(watch, lines="what is found at each look")
    watch.add_argument(
        "--interval", type=float, default=5.0, metavar="S", help="between looks"
    )
    watch.set_defaults(command=_watch)


def _add_calibrate(verbs: "argparse._SubParsersAction[Parser]") -> None:
    calibrate = verbs.add_parser(
        "calibrate",
        help="learn from a store which silences are usual",
        description="Learns the usual silence of each type of operation from what a "
        "store holds, and writes it beside the records; `heal watch` reads it.",
    )
    add_store_option(calibrate)
    add_json_option(calibrate)
    calibrate.set_defaults(command=_calibrate)


def _add_chaos(verbs: "argparse._SubParsersAction[Parser]") -> None:
    chaos = verbs.add_parser(
        "chaos", help="inject faults into real processes and measure the healing"
    )
    chaos.add_argument("spec", type=local, help="an experiment's spec.toml")
    add_json_option(chaos)
    chaos.set_defaults(command=_chaos)


def _demo(options: argparse.Namespace) -> int:
    import sys

    import anyio

    from toolkit.cli.heal.demo import DemoSpec, demonstrate

    if options.speed < 0:
        raise UsageError(f"`--speed` must not be negative, got {options.speed}")
    spec = DemoSpec(speed=options.speed, seed=options.seed, store=options.store)
    if sys.stderr.isatty():
        from toolkit.cli.heal.view import live_heal_view

        with live_heal_view() as show:
            report = anyio.run(demonstrate, spec, show)
    else:
        report = anyio.run(demonstrate, spec, None)
    if options.json:
        print_json(report)
    else:
        _print_sessions(report)
    return 0


def _print_sessions(report: dict[str, Any]) -> None:
    rows = [
        [
            session["cause"],
            session["issue"],
            f"{session['opened_s']:.0f}",
            f"{session['closed_s']:.0f}",
            session["outcome"],
            "; ".join(session["tried"]),
        ]
        for session in report["sessions"]
    ]
    header = ["cause", "issue", "found at s", "closed at s", "outcome", "tried"]
    print_table(header, rows)
    tasks = report["tasks"].get("done", 0)
    print_text(f"{tasks} tasks done, {report['tasks_done_twice']} of them twice")


def _watch(options: argparse.Namespace) -> int:
    import anyio

    from toolkit.clock import SystemClock
    from toolkit.history import require_store

    require_store(options.store)
    if not options.interval > 0:
        raise UsageError(f"`--interval` must be above 0 s, got {options.interval}")
    anyio.run(_follow, options, SystemClock())
    return 0


async def _follow(options: argparse.Namespace, clock: "Clock") -> None:
    """Take turns until interrupted; `--once` takes one."""
    from toolkit.runtime.healing import (
        AgentResponsiveness,
        CoordinationEfficiency,
        HealingEngine,
        Journal,
        SpoolSwarm,
    )
    from toolkit.runtime.healing.effectors import AdvisoryEffector

    silences = _silences(options.store)
    teller = _Teller(as_json=options.json)
    with closing(Journal(Path(":memory:"), owner="watch")) as journal:
        engine = HealingEngine(
            swarm=SpoolSwarm(options.store, clock=clock),
            effector=AdvisoryEffector(teller),
            journal=journal,
            clock=clock,
            notifier=teller,
            seed=0,
            silences=silences,
            checks=(AgentResponsiveness(silences), CoordinationEfficiency()),
        )
        if not options.once:
            print_note(f"watching {options.store}; Ctrl-C ends")
        while True:
            await engine.turn()
            if options.once:
                break
            await clock.sleep(options.interval)
    if not teller.count:
        print_note("nothing stuck and nothing done twice is seen")


def _silences(store: Path) -> "SilenceThresholds":
    """Load what `calibrate` wrote; without it nothing is known yet."""
    from toolkit.runtime.healing import HARNESS_FLOORS, SilenceThresholds

    path = store / SILENCES
    if path.exists():
        return SilenceThresholds.load(path, floors=HARNESS_FLOORS)
    return SilenceThresholds(floors=HARNESS_FLOORS)


def _calibrate(options: argparse.Namespace) -> int:
    from toolkit.cli.heal.calibration import calibrated_silences
    from toolkit.history import require_store

    require_store(options.store)
    silences = calibrated_silences(options.store)
    rows = [
        {
            "operation": operation,
            "gaps": count,
            "usual_s": silences.allowance_s(operation),
            "known": silences.is_known(operation),
        }
        for operation, count in sorted(silences.operations.items())
    ]
    if not rows:
        raise NotEnoughDataError(
            f"usual silences of {options.store}", got=0, needed=1, unit="gaps"
        )
    path = options.store / SILENCES
    silences.save(path)
    if options.json:
        print_json({"file": str(path), "operations": rows})
        return 0
    header = ["operation", "gaps", "usual silence s (95th percentile)"]
    print_table(
        header,
        [
            [
                row["operation"],
                row["gaps"],
                f"{row['usual_s']:.0f}" if row["known"] else "not enough gaps",
            ]
            for row in rows
        ],
    )
    print_note(f"wrote {path}")
    return 0


class _Teller:
    """Prints what the engine tells: lines for people, or JSON lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.count = 0

    def notify(self, notification: Any, /) -> None:
        """Print one notification."""
        self.count += 1
        if self._as_json:
            line = {
                "level": notification.level.value,
                "message": notification.message,
                **notification.metadata,
            }
            print_text(json.dumps(line, default=str), flush=True)
        else:
            print_text(
                f"{notification.level.value}: {notification.message}", flush=True
            )


def _chaos(options: argparse.Namespace) -> int:
    from toolkit.cli.progress import progress
    from toolkit.studies.chaos import read_chaos_spec, run_study

    spec = read_chaos_spec(options.spec)
    folder = options.spec.parent
    with progress("chaos") as shown:
        results = run_study(spec, folder / "runs", say=shown)
    target = folder / "results.json"
    target.write_text(json.dumps(results, indent=2) + "\n")
    if options.json:
        print_json(results)
    else:
        _print_summary(results["summary"])
        print_note(_needs(spec.calibration))
    print_note(f"wrote {target}")
    return 0


def _needs(calibration: int) -> str:
    """Say what a share of false heals takes for granted."""
    if not calibration:
        return (
            "false heals: nothing was learned beforehand; a type of work with fewer "
            "than 20 known gaps may be silent for 600 s, and is treated after twice that"
        )
    return (
        f"false heals: usual silences were learned beforehand from {2 * calibration} "
        "healthy episodes of the same kinds of work, as `toolkit heal calibrate` does "
        "from a store"
    )


def _print_summary(summary: dict[str, Any]) -> None:
    header = ["healer", "faults", "episodes", "healed", "handed over"]
    header += ["either, of those in need", "95 %", "claims true", "95 %", *HARMS]
    rows = []
    for healer, tables in summary.items():
        for group in ("with_sensor", "without_sensor"):
            row = tables[group]
            rows.append(
                [
                    healer,
                    group,
                    row["episodes"],
                    _count(row["healed"]),
                    row["handed_over"],
                    *_cells(row["healed_or_handed_over"]),
                    *_cells(row["claims_true"]),
                    *(row[name] for name in HARMS),
                ]
            )
    print_table(header, rows)
    print_text()
    header = ["healer", "controls", "false heals", "95 %"]
    print_table(
        header,
        [
            [
                healer,
                tables["controls"]["episodes"],
                *_cells(tables["controls"]["false_heals"]),
            ]
            for healer, tables in summary.items()
        ],
    )
    print_text()
    for what in ("fault", "control"):
        _print_kinds(summary, what)
    first = next(iter(summary))
    print_table(
        ["rung that helped", "episodes", "repair s (p50, p95)"],
        [
            [rung, row["episodes"], _spread(row["repair_s"])]
            for rung, row in summary[first]["by_rung"].items()
        ],
    )


HARMS = (
    "tasks_lost",
    "tasks_done_twice",
    "most_healthy_restarts",
    "restart_storms",
    "orphans",
)


def _print_kinds(summary: dict[str, Any], what: str) -> None:
    """Print each kind in a row, the first healer in full, the others beside it."""
    first, *others = summary
    measure = "healed_or_handed_over" if what == "fault" else "false_heals"
    header = [what, "episodes", measure.replace("_", " ")]
    if what == "fault":
        header += ["handed over", "passed by itself", "detect s", "repair s"]
    rows = []
    for kind, row in summary[first][f"by_{what}"].items():
        cells: list[object] = [kind, row["episodes"], _count(row[measure])]
        if what == "fault":
            cells += [row["handed_over"], row["passed_by_itself"]]
            cells += [_spread(row["detect_s"]), _spread(row["repair_s"])]
        for other in others:
            beside = summary[other][f"by_{what}"].get(kind)
            cells.append("no data" if beside is None else _count(beside[measure]))
        rows.append(cells)
    print_table([*header, *others], rows)
    print_text()


def _count(share: dict[str, Any]) -> str:
    return f"{share['count']}/{share['of']}"


def _spread(spread: dict[str, float] | None) -> str:
    return "" if spread is None else f"{spread['p50']:g}, {spread['p95']:g}"


def _cells(share: dict[str, Any]) -> list[str]:
    if share["share"] is None:
        return ["no data", ""]
    return [f"{share['share']:.1%}", f"{share['low']:.1%} to {share['high']:.1%}"]
