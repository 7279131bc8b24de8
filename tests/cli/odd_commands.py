"""One way to call each command, on the files of `tests.cli.odd_states`.

`{store}` and the like name files of the folder that a case runs in. A command without an
entry fails the test that compares this table with the parser.
"""

from typing import NamedTuple

__all__ = ["COMMANDS", "Command"]


class Command(NamedTuple):
    """How to call a command.

    Attributes
    ----------
    words : str
        Arguments, separated by spaces.
    reads : bool
        It reads a store that exists; a mistyped one is refused and not created.
    lasts : bool
        It works for seconds or without end where nothing stops it: only the states that
        stop it are tried.
    reports : bool
        What it prints says what is wrong; there need be no error beside it.
    """

    words: str
    reads: bool = False
    lasts: bool = False
    reports: bool = False


COMMANDS: dict[str, Command] = {
    "review": Command("--no-import --store {store}", reads=True),
    "review replay": Command("--policy rule --store {store}", reads=True),
    "doctor": Command("--store {store}", reports=True),
    "records import claude-code": Command("{logs} --store {store}"),
    "records import codex": Command("{logs} --store {store}"),
    "records import opencode": Command("{logs} --store {store}"),
    "records import copilot": Command("{logs} --store {store}"),
    "records import gemini": Command("{logs} --store {store}"),
    "records import pi": Command("{logs} --store {store}"),
    "records import atif": Command("{logs} --store {store}"),
    "records import claude-flow": Command("{logs} --store {store}"),
    "records import table": Command("{table} --map {map} --store {store}"),
    "records import hooks": Command("{store}/hooks --store {store}"),
    "records import otlp": Command("{otlp} --store {store}"),
    "records import spool": Command("{spool} --store {store}"),
    "records import auto": Command("--store {store}"),
    "records compact": Command("--store {store}", reads=True),
    "records backup": Command("{copy} --store {store}", reads=True),
    "records retain": Command("--days 9 --store {store}", reads=True),
    "records migrate": Command("--store {store}", reads=True),
    "records alias": Command("--store {store}", reads=True),
    "records price": Command("--dry-run --store {store}", reads=True),
    "records share": Command("append --store {store}", reads=True),
    "records key": Command("--new --store {store}", reads=True),
    "records ship": Command("--to s3://bucket/prefix --store {store}", reads=True),
    "records show": Command("--store {store}", reads=True),
    "records measure": Command("--out {store} --quick --repeats 1", lasts=True),
    "records simulate": Command("--store {store} --batches 3 --events 3"),
    "records receive": Command("--store {store} --port 0 --seconds 0.01"),
    "completion": Command("bash"),
    "serve": Command("--store {store} --bundle {bundle} --port 0 --seconds 0.01"),
    "features build": Command("batch --store {store} --out {out}", reads=True),
    "experiment run": Command(
        "{spec} --store {store} --work {work}", reads=True, lasts=True
    ),
    "experiment tune": Command(
        "{spec} --store {store} --work {work}", reads=True, lasts=True
    ),
    "experiment init": Command("{out}"),
    "experiment report": Command("{work}"),
    "experiment ab start": Command("a --rule reads --store {store}"),
    "experiment ab stop": Command("--store {store}"),
    "experiment ab report": Command("--store {store}"),
    "experiment bench": Command("{tables} --quick --work {out}", lasts=True),
    "experiment suite": Command("{folder} --work {out}", lasts=True),
    "experiment worlds": Command("{folder} --out {out}", lasts=True),
    "experiment controllers": Command("{folder} --out {out}", lasts=True),
    "experiment swarm": Command("{folder} --out {out}", lasts=True),
    "experiment retrain": Command(
        "--store {store} --spec {spec}", reads=True, lasts=True
    ),
    "model export": Command("{work} {served}"),
    "model verify": Command("{bundle}"),
    "model card": Command("{bundle}"),
    "model key": Command("--new"),
    "model promote": Command("--store {store} --spec {spec}", reads=True, lasts=True),
    "model rollback": Command("--store {store}", reads=True, lasts=True),
    "recommend batch": Command("--bundle {bundle} --load-cpu 0.5"),
    "recommend agents": Command("--components 5"),
    "recommend workflow": Command("--components 5 --store {store}", reads=True),
    "monitor": Command("--store {store} --once", reads=True),
    "heal demo": Command("--speed 1000 --store {store}", lasts=True),
    "heal watch": Command("--store {store} --once", reads=True),
    "heal calibrate": Command("--store {store}", reads=True),
    "heal chaos": Command("{spec}", lasts=True),
    "hooks pre-task": Command("--description x --store {store}"),
    "hooks post-edit": Command("--file x --store {store}"),
    "hooks notify": Command("--message x --store {store}"),
    "hooks post-task": Command("--task-id x --store {store}"),
    "hooks install": Command("--project {project} --store {store}"),
    "hooks uninstall": Command("--project {project} --store {store}"),
    "hooks status": Command("--project {project} --store {store}"),
    "hooks reconcile": Command("{logs} --store {store}", reads=True),
    "report objectives": Command("--store {store}", reads=True),
    "report off-policy": Command("--store {store} --policy rule", reads=True),
    "demo": Command("--work {out}", lasts=True),
}
