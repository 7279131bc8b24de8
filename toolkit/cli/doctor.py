"""`toolkit doctor`: what is installed, what works, and what to do about the rest."""

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit import __version__
from toolkit.cli.configuration import configuration, configuration_path
from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_table
from toolkit.errors import InputDataError, StorageError, ToolkitError

if TYPE_CHECKING:
    from toolkit.history import Place

__all__ = ["SetupCheck", "add_parser", "findings"]

PACKAGES = {
    "onnxruntime": "bundle",
    "duckdb": "history",
    "pandas": "research",
    "scikit-learn": "research",
    "mlflow": "research",
    "optuna": "research",
    "matplotlib": "report",
    "genai-prices": "money",
    "opentelemetry-sdk": "telemetry",
    "prometheus-client": "telemetry",
    "obstore": "s3",
    "pyspark": "spark",
}
"""Packages that commands need, with the extra that installs them."""

ENGINES = {
    "chromium": "looks at a review's page in the tests",
    "node": "exporters of JavaScript in the tests",
    "prometheus": "loads the shipped rules in the tests",
    "strace": "looks below Python at what commands open, in the tests",
}
"""Programs beside the toolkit, and what they are for; none is needed to use it."""

LEAST_FREE_BYTES = 500 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupCheck:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
    state : str
        `ok`, `absent` (fine unless it is wanted) or `wrong`.
    detail : str
    fix : str
        What to do; empty where it is ok.
    """

    what: str
    state: str
    detail: str
    fix: str = ""


def add_parser(subparsers: Any) -> None:
    """Add the noun `doctor`."""
    text = "look at versions, store, hooks, prices and engines"
    parser = subparsers.add_parser("doctor", help=text, description=f"{text}.")
    add_store_option(parser, reads=True)
    add_json_option(parser)
    parser.set_defaults(command=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    found = list(findings(options.store))
    if options.json:
        print_json({"findings": [asdict(each) for each in found]})
    else:
        print_table(
            ["what", "state", "detail", "to do"],
            [[each.what, each.state, each.detail, each.fix] for each in found],
        )
    wrong = any(each.state == "wrong" for each in found)
    return InputDataError.exit_code if wrong else 0


def findings(store: "Place") -> Iterator[SetupCheck]:
    """Look at everything; nothing is changed.

    Parameters
    ----------
    store : path or ObjectAddress
        The store to look at.

    Yields
    ------
    SetupCheck
    """
    python = f"{platform.python_version()} at {sys.executable}"
    yield SetupCheck(
        what="toolkit", state="ok", detail=f"{__version__}, Python {python}"
    )
    yield _configuration()
    yield from map(_package, PACKAGES)
    yield _store(store)
    if isinstance(store, Path):
        yield _room(store)
    yield _logs()
    yield from _hooks()
    yield _prices()
    yield _java()
    for name, purpose in ENGINES.items():
        place = shutil.which(name)
        state, detail = ("ok", place) if place else ("absent", purpose)
        yield SetupCheck(what=name, state=state, detail=detail or "")


def _configuration() -> SetupCheck:
    path = configuration_path()
    try:
        configured = configuration()
    except InputDataError as error:
        return SetupCheck(
            what="configuration", state="wrong", detail=str(error), fix="mend the file"
        )
    if not path.exists():
        return SetupCheck(what="configuration", state="absent", detail=str(path))
    says = [f"store {configured.store}"] if configured.store else []
    says += [f"aliases {', '.join(configured.aliases)}"] if configured.aliases else []
    return SetupCheck(
        what="configuration",
        state="ok",
        detail=f"{path}: {'; '.join(says) or 'nothing'}",
    )


def _package(name: str) -> SetupCheck:
    try:
        return SetupCheck(what=name, state="ok", detail=version(name))
    except PackageNotFoundError:
        extra = PACKAGES[name]
        fix = f"pip install 'workflow-toolkit[{extra}]'"
        state = "absent"
        return SetupCheck(what=name, state=state, detail=f"extra {extra}", fix=fix)


def _store(store: "Place") -> SetupCheck:
    """Read the store as every report does."""
    if isinstance(store, Path) and not store.exists():
        return SetupCheck(
            what="store",
            state="absent",
            detail=str(store),
            fix="`toolkit review` makes it of the logs that it finds",
        )
    from toolkit.history import read_store

    try:
        counts = read_store(store).summary()
    except ToolkitError as error:
        return SetupCheck(
            what="store", state="wrong", detail=str(error), fix="see above"
        )
    records = sum(each.records for each in counts)
    last = max((each.last_day for each in counts), default="no day")
    return SetupCheck(
        what="store", state="ok", detail=f"{store}: {records:,} records, last of {last}"
    )


def _room(store: Path) -> SetupCheck:
    """Look whether the disk of the store has room, and whether it may be written."""
    place = next(each for each in (store, *store.parents) if each.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / 2**30:.1f} GB free at {place}"
    if not os.access(place, os.W_OK):
        return SetupCheck(
            what="disk",
            state="wrong",
            detail=f"{place} may not be written",
            fix="name another store with `--store` or TOOLKIT_STORE",
        )
    if free < LEAST_FREE_BYTES:
        return SetupCheck(what="disk", state="wrong", detail=detail, fix="make room")
    return SetupCheck(what="disk", state="ok", detail=detail)


def _logs() -> SetupCheck:
    from toolkit.cli.records.auto import found_logs

    found = found_logs()
    if not found:
        return SetupCheck(
            what="logs",
            state="absent",
            detail="of no coding agent, where they keep them",
            fix="`toolkit records import SOURCE PATH`",
        )
    return SetupCheck(what="logs", state="ok", detail=", ".join(sorted(found)))


def _hooks() -> Iterator[SetupCheck]:
    """Fire a test event at every installed hook."""
    from toolkit.capture.hooks import HookInstallation, fire_test_event

    home = Path.home() / ".claude"
    here = Path(".claude")
    for path in (
        home / "settings.json",
        here / "settings.json",
        here / "settings.local.json",
    ):
        try:
            status = HookInstallation(path).status()
        except (InputDataError, StorageError) as error:
            yield SetupCheck(what="hooks", state="wrong", detail=str(error))
            continue
        if status.entry is None:
            continue
        broken = fire_test_event(status.entry)
        yield SetupCheck(
            what="hooks",
            state="wrong" if broken else "ok",
            detail=f"{path}: {broken or f'{len(status.events)} events'}",
            fix="`toolkit hooks install` again" if broken else "",
        )


def _prices() -> SetupCheck:
    from toolkit.history import installed_prices

    prices = installed_prices()
    if prices is None:
        return SetupCheck(
            what="prices",
            state="absent",
            detail="tokens are counted and have no price",
            fix="pip install 'workflow-toolkit[money]'",
        )
    return SetupCheck(what="prices", state="ok", detail=prices.basis)


def _java() -> SetupCheck:
    """Look for the Java that Spark would use."""
    from toolkit.history import JAVA_FIX, java_problem

    problem = java_problem(os.environ)
    if problem is None:
        return SetupCheck(what="java", state="ok", detail="Spark can use it")
    detail = f"{problem}; the engine `spark` needs it"
    return SetupCheck(what="java", state="absent", detail=detail, fix=JAVA_FIX)
