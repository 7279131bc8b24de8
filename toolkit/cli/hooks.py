"""`toolkit hooks`: the four verbs, and the installation in Claude Code."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.cli import Parser
from toolkit.cli.output import print_json, print_note
from toolkit.errors import UsageError

__all__ = ["add_parser"]

ADVICE = ("off", "shadow", "on")


class StrictParser(Parser):
    """A parser that answers an unknown flag with the nearest one it knows."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def parse_known_args(  # type: ignore[override]  # argparse's overloads differ by namespace type only
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse, and refuse what is left over.

        Raises
        ------
        UsageError
            Naming the unknown flag and the nearest known one.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].split("=", 1)[0]
            raise UsageError.unknown(f"option of `{self.prog}`", word, self._flags())
        return parsed, unknown

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
    _add_install(verbs)
    for name, command, text in (
        ("uninstall", uninstall, "take our entries out of settings.json again"),
        ("status", status, "what is installed, and what it has recorded"),
    ):
        parser = verbs.add_parser(name, help=text)
        _add_scope(parser)
        parser.set_defaults(command=command)


def install(options: argparse.Namespace) -> int:
    """Merge our hook entries into settings.json."""
    from toolkit.records.identity import store_key
    from toolkit.runtime.hooks import HookInstallation

    store = _store(options)
    if options.advice != "off" and options.bundle is None:
        raise UsageError(
            f"`--advice {options.advice}` needs a table to advise from; "
            "give `--bundle DIR` with an exported bundle"
        )
    hooks = HookInstallation(_settings(options))
    changed = hooks.install(store=store, advice=options.advice, bundle=options.bundle)
    if store is not None:
        store_key(store)
    state = "installed" if changed else "already installed"
    if options.json:
        print_json({"changed": changed, "settings": hooks.settings, "store": store})
    else:
        print_note(f"{state} in {hooks.settings}, advice {options.advice}")
    return 0


def uninstall(options: argparse.Namespace) -> int:
    """Take our hook entries out of settings.json."""
    from toolkit.runtime.hooks import HookInstallation

    hooks = HookInstallation(_settings(options))
    changed = hooks.uninstall()
    if options.json:
        print_json({"changed": changed, "settings": hooks.settings})
    else:
        state = "uninstalled from" if changed else "nothing of ours was in"
        print_note(f"{state} {hooks.settings}")
    return 0


def status(options: argparse.Namespace) -> int:
    """Tell what is installed and what it has recorded."""
    from toolkit.runtime.hooks import HookInstallation

    found = HookInstallation(_settings(options)).status()
    store = found.store or _store(options) or Path(".toolkit")
    answer = {
        "installed": found.installed,
        "settings": found.settings,
        "events": list(found.events),
        "advice": found.advice,
        "store": store,
    }
    if options.json:
        print_json(answer)
    else:
        for name, value in answer.items():
            print(f"{name}: {value}")
    return 0


def _add_install(verbs: Any) -> None:
    parser = verbs.add_parser("install", help="merge our entries into settings.json")
    _add_scope(parser)
    parser.add_argument(
        "--advice",
        choices=ADVICE,
        default="off",
        help="off (default), shadow (record what would be said) or on",
    )
    parser.add_argument(
        "--bundle", type=Path, metavar="DIR", help="exported bundle to advise from"
    )
    parser.set_defaults(command=install)


def _add_scope(parser: argparse.ArgumentParser) -> None:
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--project",
        nargs="?",
        type=Path,
        const=Path(),
        metavar="DIR",
        help="settings of a project (default: of the current directory)",
    )
    scope.add_argument(
        "--user", action="store_true", help="settings of the user, for every project"
    )
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="record store (default: .toolkit)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def _settings(options: argparse.Namespace) -> Path:
    if options.user:
        home = os.environ.get("CLAUDE_CONFIG_DIR")
        folder = Path(home) if home else Path.home() / ".claude"
    else:
        folder = (options.project or Path()).absolute() / ".claude"
    return folder / "settings.json"


def _store(options: argparse.Namespace) -> Path | None:
    store: Path | None = options.store
    if store is None and not options.user:
        store = (options.project or Path()) / ".toolkit"
    return None if store is None else store.absolute()
