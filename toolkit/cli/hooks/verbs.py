"""`toolkit hooks`: the four verbs, and the installation in Claude Code.

Exit codes: 0 the verb did what its flags say (what is not known is `null`, with a note);
2 an unknown flag, level or value; 3 metadata that are not JSON, a store or settings that
cannot be read.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli import Parser
from toolkit.cli.default_store import add_store_option
from toolkit.cli.hooks.hook_verbs import add_verbs
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_text
from toolkit.cli.places import local
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.capture.hooks import HarnessVersion

__all__ = ["add_parser"]

ADVICE = ("off", "shadow", "on")


class StrictParser(Parser):
    """A parser that answers an unknown flag with the nearest one it knows."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def parse_known_args(  # type: ignore[override]  # argparse's overloads differ by namespace type only
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Refuse flags that are not known, before anything else is checked.

        Raises
        ------
        UsageError
            Naming the unknown flag and the nearest known one.
        """
        known = self._flags()
        for word in args or ():
            name = word.split("=", 1)[0]
            if word == "--":
                break
            if word.startswith("--") and name not in known:
                raise UsageError.unknown(f"option of `{self.prog}`", name, known)
        return super().parse_known_args(args, namespace)

    def _flags(self) -> list[str]:
        return sorted(
            flag
            for action in self._actions
            for flag in action.option_strings
            if flag.startswith("--")
        )


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    """Add the noun `hooks`."""
    noun = subparsers.add_parser("hooks", help="the four hook verbs, and installation")
    verbs = noun.add_subparsers(
        dest="verb", metavar="VERB", required=True, parser_class=StrictParser
    )
    add_verbs(verbs)
    _add_install(verbs)
    for name, command, text in (
        ("uninstall", uninstall, "take our entries out of the settings again"),
        ("status", status, "what is installed, and what it has recorded"),
    ):
        parser = verbs.add_parser(name, help=text)
        _add_scope(parser)
        parser.set_defaults(command=command)
    _add_reconcile(verbs)


def install(options: argparse.Namespace) -> int:
    """Merge our hook entries into the settings of the scope."""
    from toolkit.capture.hooks import HookInstallation
    from toolkit.cli.hooks.harness import hide_from_git, installed_harness
    from toolkit.records import store_key

    store = _store(options)
    if options.advice != "off" and options.bundle is None and not options.explore:
        raise UsageError(
            f"`--advice {options.advice}` needs a table to advise from; "
            "give `--bundle DIR` with an exported bundle, or `--explore SHARE` to try "
            "the sizes that the rule allows"
        )
    if options.explore and (options.advice != "on" or store is None):
        raise UsageError(
            "`--explore` tries sizes by saying them, and keeps what it may try in the "
            "store; give `--advice on` and, with `--user`, `--store DIR` as well"
        )
    if not 0 <= options.explore <= 1:
        raise UsageError(f"`--explore` must be in 0..1 (got {options.explore})")
    for path in _read_first(options):
        HookInstallation(path).status()  # what cannot be read is said before a write
    harness = installed_harness(options.harness_version)
    settings, *older = _settings(options)
    hooks = HookInstallation(settings)
    changed = hooks.install(
        store=store,
        advice=options.advice,
        bundle=options.bundle,
        explore=options.explore,
        harness=harness,
    )
    moved = [path for path in older if HookInstallation(path).uninstall()]
    if not options.user:
        hide_from_git(settings)
    if store is not None:
        store_key(store)
        if options.explore:
            _write_rule_table(store)
    state = "installed" if changed else "already installed"
    problems = _problems(options, harness)
    if options.json:
        print_json(
            {
                "changed": changed,
                "settings": hooks.settings,
                "store": store,
                "harness": str(harness),
                "problems": problems,
            }
        )
    else:
        print_note(
            f"{state} in {hooks.settings}, advice {options.advice}, "
            f"for Claude Code {harness} or later"
        )
        for path in moved:
            print_note(f"taken out of {path}: the entries name this machine's folders")
    _warn(problems)
    return 0


def _warn(problems: Sequence[str]) -> None:
    for problem in problems:
        print_note(f"warning: nothing will be recorded: {problem}")


def _problems(
    options: argparse.Namespace, harness: "HarnessVersion | None"
) -> list[str]:
    """List what keeps the installed hooks from recording anything."""
    from toolkit.capture.hooks import (
        HookInstallation,
        fire_test_event,
        not_understood,
        switched_off,
    )

    problems = []
    if off := switched_off(_read_first(options)):
        problems.append(off)
    for path in _settings(options):
        found = HookInstallation(path).status()
        if found.entry is None:
            continue
        if broken := fire_test_event(found.entry):
            problems.append(f"{path}: {broken}")
        if harness and (unknown := not_understood(found.entry, found.events, harness)):
            problems.append(f"{path}: {unknown}")
    return problems


def _write_rule_table(store: Path) -> None:
    """Write what may be tried while no model serves, at once and whole."""
    from toolkit.capture import RULE_TABLE, sealed_table
    from toolkit.cli.model.advice import rule_advice
    from toolkit.records import replace_file, store_key

    replace_file(store / RULE_TABLE, sealed_table(rule_advice(), store_key(store)))


def uninstall(options: argparse.Namespace) -> int:
    """Take our hook entries out of the settings of the scope."""
    from toolkit.capture.hooks import HookInstallation

    settings = _settings(options)
    changed = [path for path in settings if HookInstallation(path).uninstall()]
    if options.json:
        named = changed[0] if changed else settings[0]
        print_json({"changed": bool(changed), "settings": named})
    elif changed:
        for path in changed:
            print_note(f"uninstalled from {path}")
    else:
        print_note(f"nothing of ours was in {settings[0]}")
    return 0


def status(options: argparse.Namespace) -> int:
    """Report whether the hooks work, and what they have recorded.

    `installed` means that it works: a test event was fired and recorded.
    """
    from toolkit.capture.hooks import HookInstallation
    from toolkit.cli.hooks.harness import asked_harness
    from toolkit.history import read_duplicates

    every = [HookInstallation(path).status() for path in _read_first(options)]
    ours = [one for one in every if one.settings in _settings(options)]
    found = next((one for one in ours if one.installed), ours[0])
    problems = _problems(options, asked_harness()) if found.installed else []
    store = options.store or found.store or _store(options) or Path(".toolkit")
    answer = {
        "installed": found.installed and not problems,
        "problems": problems,
        "settings": found.settings,
        "also_in": [
            one.settings
            for one in every
            if one.installed and one.settings != found.settings
        ],
        "events": list(found.events),
        "advice": found.advice,
        "explore": found.explore,
        "store": store,
        "recorded": recorded(store),
        "seen_by_both": read_duplicates(store).to_json(),
    }
    if options.json:
        print_json(answer)
    else:
        for name, value in answer.items():
            print_text(f"{name}: {value}")
    _warn(problems)
    return 0


def recorded(store: Path) -> dict[str, Any]:
    """Count what the hooks of a store have recorded, and what came of it."""
    from toolkit.errors import InputDataError
    from toolkit.history.importers.hooks import HookJoiner
    from toolkit.records import Batch, Spool

    joiner = HookJoiner()
    counts = {"batches": 0, "records": 0, "advised": 0, "unreadable": 0}
    for line in Spool(store / "hooks").lines():
        row = line.row or {}
        counts["advised"] += row.get("event") == "advice" and "said" in row
        try:
            for record in joiner.take(row):
                counts["records"] += 1
                counts["batches"] += isinstance(record, Batch)
        except InputDataError:
            counts["unreadable"] += 1
    return {
        **counts,
        "sessions": len({session for session, _ in joiner.streams}),
        "events": joiner.events,
    }


def reconcile(options: argparse.Namespace) -> int:
    """Compare what the hooks recorded with the transcripts of the same sessions."""
    from toolkit.cli.output import print_table
    from toolkit.history import reconcile as compare
    from toolkit.history import require_store
    from toolkit.records import store_key

    store = _store(options) or Path(".toolkit")
    require_store(store)
    found = compare(
        store / "hooks", options.transcripts, key=store_key(store)
    ).to_json()
    if options.json:
        print_json(found)
    else:
        print_table(["what", "count"], [[k.replace("_", " "), found[k]] for k in found])
    return 0


def _add_reconcile(verbs: Any) -> None:
    parser = verbs.add_parser(
        "reconcile", help="compare the recorded batches with transcripts"
    )
    parser.add_argument("transcripts", nargs="+", type=local, metavar="PATH")
    _add_scope(parser)
    parser.set_defaults(command=reconcile)


def _add_install(verbs: Any) -> None:
    parser = verbs.add_parser("install", help="merge our entries into the settings")
    _add_scope(parser)
    parser.add_argument(
        "--advice",
        choices=ADVICE,
        default="off",
        help="off (default), shadow (record what would be said) or on",
    )
    parser.add_argument(
        "--bundle", type=local, metavar="DIR", help="exported bundle to advise from"
    )
    parser.add_argument(
        "--explore",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of sizes to try at random, with the chance recorded: only sizes "
        "that history supports, or that the rule allows while no model serves "
        "(default: 0, off)",
    )
    parser.add_argument(
        "--harness-version",
        metavar="X.Y.Z",
        help="version of Claude Code that reads the settings (default: asked of "
        "`claude --version`)",
    )
    parser.set_defaults(command=install)


def _add_scope(parser: argparse.ArgumentParser) -> None:
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--project",
        nargs="?",
        type=local,
        const=Path(),
        metavar="DIR",
        help="settings of a project (default: of the current directory)",
    )
    scope.add_argument(
        "--user", action="store_true", help="settings of the user, for every project"
    )
    add_store_option(parser, unnamed=".toolkit of the scope")
    add_json_option(parser)


def _settings(options: argparse.Namespace) -> list[Path]:
    """List the files of the scope that may hold our entries; the first gets new ones.

    Entries name this machine's interpreter and store, so in a project they belong to
    its local settings, which are not shared.
    """
    if options.user:
        return [_user_settings()]
    folder = (options.project or Path()).absolute() / ".claude"
    return [folder / "settings.local.json", folder / "settings.json"]


def _read_first(options: argparse.Namespace) -> list[Path]:
    """List every settings file that the harness reads, the deciding ones in front."""
    if options.user:
        return [_user_settings()]
    return list(dict.fromkeys([*_settings(options), _user_settings()]))


def _user_settings() -> Path:
    home = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(home) if home else Path.home() / ".claude") / "settings.json"


def _store(options: argparse.Namespace) -> Path | None:
    store: Path | None = options.store
    if store is None and not options.user:
        store = (options.project or Path()) / ".toolkit"
    return None if store is None else store.absolute()
