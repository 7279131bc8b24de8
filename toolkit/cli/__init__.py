"""The command line: parse here, work there, return an exit code.

One file a noun. A noun's module imports only light things at its top, so that `--help`
answers quickly; what a command needs is imported inside the command.
"""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from toolkit import __version__
from toolkit.cli.configuration import expanded
from toolkit.cli.output import print_error, print_note
from toolkit.cli.places import check_paths
from toolkit.errors import ManyProblemsError, ToolkitError, UsageError
from toolkit.escaping import printable

__all__ = ["NOUNS", "build_parser", "run"]

NOUNS = {
    "review": "what batch sizes and agents cost, and what would have been cheaper",
    "records": "import, measure, simulate, compact, ship, show and receive records",
    "features": "build feature tables",
    "experiment": "run, tune, benchmark, retrain and report experiments",
    "model": "export, verify, promote, roll back and describe models",
    "recommend": "recommend a batch size, an agent count or a workflow",
    "monitor": "watch the coordination of a swarm",
    "heal": "heal a swarm, or watch one",
    "serve": "serve decisions and metrics, and receive telemetry, over HTTP",
    "hooks": "the four hook verbs, and their installation",
    "report": "report the objectives, or what another policy would have cost",
    "doctor": "look at versions, store, hooks, prices and engines",
    "completion": "print a script that completes commands in a shell",
    "demo": "the whole path on the bundled sample",
}
"""Every noun with its one-line help; each is a module of this room."""

INTERRUPTED = 130
UNEXPECTED = 1
EPILOG = """exit codes:
  0 ok   1 unexpected   2 usage   3 bad input data   4 gate refused
  5 not enough data   6 drift   7 bundle refused   130 interrupted"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one clear line and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the whole usage.

        Raises
        ------
        UsageError
            With the command's name and where to find its options.
        """
        raise UsageError(f"{self.prog}: {message}; see `{self.prog} --help`")


def build_parser(nouns: Sequence[str]) -> Parser:
    """Build the parser with the sub-commands of the named nouns only.

    Parameters
    ----------
    nouns : sequence of str
        Modules to load; the others are listed in the help without being loaded.
    """
    parser = Parser(
        prog="toolkit",
        description="Learns batch sizes and agent counts from a team's own history.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(
        dest="noun", metavar="NOUN", required=True, parser_class=Parser
    )
    for noun, text in NOUNS.items():
        if noun in nouns:
            importlib.import_module(f"toolkit.cli.{noun}").add_parser(subparsers)
        else:
            subparsers.add_parser(noun, help=text, add_help=False)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        As typed, without the program's name.

    Returns
    -------
    int
        The exit code; see `EPILOG`.
    """
    try:
        arguments = expanded(arguments, list(NOUNS))
        noun = next((word for word in arguments if word in NOUNS), None)
        options = build_parser([noun] if noun else []).parse_args(arguments)
        check_paths(options)
        return _flushed(int(options.command(options)))
    except ManyProblemsError as error:
        # One line each: what a file holds may not break a line, the list of problems does.
        print_error(f"{len(error.problems)} problems:")
        for problem in error.problems:
            print_note(f"  {printable(str(problem))}")
        return error.exit_code
    except ToolkitError as error:
        print_error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        print_error("interrupted; what was acknowledged is kept, run again to resume")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (a pager, `head`): there is no one left to report to.
        _write_no_more()
        return 0
    except Exception as error:
        from toolkit.cli.translation import translated

        known = translated(error)
        if known is None:
            raise
        _write_no_more()
        print_error(str(known))
        return known.exit_code


def _flushed(code: int) -> int:
    """Give an exit code once what was printed has been written."""
    sys.stdout.flush()
    return code


def _write_no_more() -> None:
    """Let what is still buffered for standard output go nowhere: it cannot be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
