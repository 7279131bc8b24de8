"""`toolkit completion`: a script that completes commands and options in a shell."""

import argparse
from collections.abc import Iterator
from typing import Any

from toolkit.cli.output import print_text

__all__ = ["add_parser"]

SHELLS = ("bash", "zsh", "tcsh")
FOLDERS = ("DIR", "STORE")
FILES = ("FILE", "PATH", "SPEC")
EXAMPLES = """examples:
  bash   toolkit completion bash > ~/.local/share/bash-completion/completions/toolkit
  zsh    toolkit completion zsh > ~/.zfunc/_toolkit    # with ~/.zfunc in fpath
  tcsh   toolkit completion tcsh > ~/.toolkit.completion.tcsh"""


def add_parser(nouns: Any) -> None:
    """Add the noun to the command line."""
    text = "print a script that completes commands in a shell"
    parser = nouns.add_parser(
        "completion",
        help=text,
        description=f"{text}.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(command=_print_completion)


def _print_completion(options: argparse.Namespace) -> int:
    import shtab

    from toolkit.cli import NOUNS, build_parser

    parser = build_parser(list(NOUNS))
    for action in _actions(parser):
        names = action.metavar if isinstance(action.metavar, tuple) else ()
        name = action.metavar or next(iter(names), None)
        if name in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined] # read by shtab
        elif name in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined] # read by shtab
    print_text(shtab.complete(parser, shell=options.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """List the actions of a parser and of those below it."""
    for action in parser._actions:  # noqa: SLF001 - a parser has no public list
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for below in action.choices.values():
                yield from _actions(below)
