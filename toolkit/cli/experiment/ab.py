"""`toolkit experiment ab`: a rule said to sessions drawn at random, and what it changed."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table
from toolkit.cli.seed_option import add_seed_option
from toolkit.errors import InputDataError, NotEnoughDataError, UsageError

if TYPE_CHECKING:
    from toolkit.review import Facts

__all__ = ["add_verb"]

LEAST_SESSIONS = 10
"""Sessions an arm needs before an answer is given."""


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `experiment` noun."""
    text = "compare sessions with and without a rule, drawn at random"
    parser = subparsers.add_parser(
        "ab",
        help=text,
        description=f"{text.capitalize()}. Installed hooks (`toolkit hooks install`) draw "
        "each session when it starts, say the rule to those drawn, and record the draw.",
    )
    verbs = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    _add_start(verbs)
    stop = verbs.add_parser("stop", help="draw no more sessions")
    stop.set_defaults(command=_stop)
    report = verbs.add_parser("report", help="what the rule changed, with intervals")
    report.add_argument("name", nargs="?", help="trial (default: the last one)")
    add_seed_option(report)
    report.set_defaults(command=_report)
    for step in (stop, report):
        add_store_option(step)
        add_json_option(step)


def _add_start(verbs: Any) -> None:
    from toolkit.policies import RULE_TEXTS

    start = verbs.add_parser("start", help="draw every session that starts from now on")
    start.add_argument("name", help="name of the trial")
    start.add_argument(
        "--rule", required=True, choices=sorted(RULE_TEXTS), help="what is said"
    )
    start.add_argument(
        "--share",
        type=float,
        default=0.5,
        help="share of the sessions that get the rule (default: 0.5)",
    )
    start.add_argument(
        "--sessions",
        type=int,
        default=50,
        metavar="N",
        help="sessions of each arm that the detectable effect is said for (default: 50)",
    )
    add_store_option(start)
    add_json_option(start)
    start.set_defaults(command=_start)


def _start(options: argparse.Namespace) -> int:
    from toolkit.capture import begin_trial
    from toolkit.clock import SystemClock
    from toolkit.policies import RULE_TEXTS
    from toolkit.review import detectable_effects

    if options.sessions < 2:
        raise UsageError(f"`--sessions` must be at least 2, got {options.sessions}")
    facts = _facts(options.store)
    try:
        trial = begin_trial(
            options.store,
            name=options.name,
            rule=options.rule,
            share=options.share,
            at_s=SystemClock().now().timestamp(),
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    effects = (
        {} if facts is None else detectable_effects(facts.batches, options.sessions)
    )
    known = {name: value for name, value in effects.items() if value == value}
    if options.json:
        print_json({**trial, "sessions_per_arm": options.sessions, "detectable": known})
        return 0
    print_note(f"sessions that start now are drawn; {options.share:.0%} are told:")
    print_note(f"  {RULE_TEXTS[options.rule]}")
    print_note(
        "only hooks of this store draw: "
        f"`toolkit hooks install --store {options.store.absolute()}`"
    )
    if not known:
        print_note(
            "the store has no history of five sessions, so what could be found is not known"
        )
        return 0
    print_table(
        [f"with {options.sessions} sessions an arm", "a difference found 4 times in 5"],
        [[name, f"{value:.3g}"] for name, value in known.items()],
    )
    return 0


def _stop(options: argparse.Namespace) -> int:
    from toolkit.capture import end_trial
    from toolkit.clock import SystemClock

    try:
        trial = end_trial(options.store, at_s=SystemClock().now().timestamp())
    except ValueError as error:
        raise _unreadable(options.store, error) from error
    except LookupError as error:
        raise UsageError(
            f"{error}; `toolkit experiment ab start` begins one"
        ) from error
    if options.json:
        print_json(trial)
    else:
        print_note(f"trial {trial['name']} has ended; `toolkit experiment ab report`")
    return 0


def _report(options: argparse.Namespace) -> int:
    import numpy as np

    from toolkit.capture import drawn_arms
    from toolkit.review import compare_rows, render_comparison

    name = options.name or _last_name(options.store)
    try:
        arms = drawn_arms(options.store, name)
    except LookupError as error:
        raise UsageError(str(error)) from error
    facts = _facts(options.store)
    sessions = [] if facts is None else [str(s) for s in facts.batches["session"]]
    told = np.array([arms.get(session) is True for session in sessions], dtype=np.bool_)
    untold = np.array(
        [arms.get(session) is False for session in sessions], dtype=np.bool_
    )
    fewest = min(
        len({s for s, chosen in zip(sessions, rows, strict=True) if chosen})
        for rows in (told, untold)
    )
    if facts is None or fewest < LEAST_SESSIONS:
        raise NotEnoughDataError(
            f"trial {name}", got=fewest, needed=LEAST_SESSIONS, unit="sessions an arm"
        )
    rng = np.random.default_rng(options.seed)
    rows = compare_rows(facts.batches, untold, told, rng=rng)
    if options.json:
        print_json(
            {
                "trial": name,
                "drawn": len(arms),
                "told": sum(arms.values()),
                "figures": [row.to_json() for row in rows],
            }
        )
    else:
        from toolkit.cli.output import print_text

        print_text(render_comparison(rows, "not told", "told").rstrip("\n"))
    return 0


def _last_name(store: Path) -> str:
    from toolkit.capture import read_trial

    try:
        trial = read_trial(store)
    except (OSError, ValueError) as error:
        raise _unreadable(store, error) from error
    if trial is None:
        raise UsageError("there was no trial; `toolkit experiment ab start` begins one")
    return str(trial["name"])


def _unreadable(store: Path, error: Exception) -> InputDataError:
    return InputDataError(
        f"not readable: {error}", file=store / "trial.json", fix="remove it"
    )


def _facts(store: Path) -> "Facts | None":
    """Read the store's facts; `None` where it holds nothing yet."""
    from toolkit.history import read_store
    from toolkit.review import read_facts

    if not store.exists():
        return None
    try:
        return read_facts(read_store(store))
    except NotEnoughDataError:
        return None
