"""Every command in every odd state: what it says, how it ends, what it leaves behind.

`python -m tests.cli.odd_states` tries all of them, and each path that a command is given
as a pipe and as a device, and each file of a store as a pipe; the tests try some.
`python -m tests.cli.odd_states NAME ...` tries those of a command, of a state, of "a
pipe" or of "one pipe". Each case runs in a forked child, so the imports are paid once.
"""

import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from tests.bundle_factory import small_bundle
from tests.cli.odd_commands import COMMANDS, Command
from tests.cli.odd_paths import ENDLESS, given_paths, words_with
from tests.faults.storing import hook_rows
from tests.quick_spec import quick_spec
from tests.users import become, load_what_it_loads
from toolkit.cli import NOUNS, run
from toolkit.environment import silence_telemetry, use_one_thread
from toolkit.history import RecordStore
from toolkit.records import Spool
from toolkit.testing.simulator import SimulatedSwarm

__all__ = [
    "STATES",
    "Ended",
    "cases",
    "files_of_a_store",
    "make_template",
    "tried",
    "tried_on_a_pipe",
    "tried_with",
    "warm",
]

LIMIT_S = 60
LASTING_LIMIT_S = 600
"""Of a command that works for a minute: pipes that it never looks at do not stop it."""
CODES = frozenset({0, 2, 3, 4, 5, 6, 7})
"""Ends that a command may come to; 1 is what was not foreseen."""

NOBODY = 65534

SPEC = quick_spec("agent_count")


class Ended(NamedTuple):
    """How a case ended.

    Attributes
    ----------
    code : int
        Exit code, or minus the signal.
    said : str
        Standard error.
    problem : str
        What was wrong with it; empty where nothing was.
    """

    code: int
    said: str
    problem: str


def warm() -> None:
    """Import what the children need."""
    silence_telemetry()
    use_one_thread()
    for module in (
        "duckdb",
        "msgspec",
        "orjson",
        "pyarrow.parquet",
        "pandas",
        "onnxruntime",
    ):
        import_module(module)
    for noun in NOUNS:
        import_module(f"toolkit.cli.{noun}")


def make_template(folder: Path) -> None:
    """Make the files that the commands read."""
    folder.mkdir(parents=True)
    (folder / "home").mkdir()
    swarm = SimulatedSwarm(seed=1)
    with RecordStore(folder / "store") as store:
        store.add_all(list(swarm.batches(20)))
        store.compact()
        store.add_all(list(swarm.events(10)))
        Spool(store.root / "hooks").append_all(hook_rows(store.key))
    rows = [json.dumps(record.to_json()) for record in swarm.batches(3)]
    (folder / "spool.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "otlp.jsonl").write_text('{"resourceSpans": []}\n')
    (folder / "logs").mkdir()
    (folder / "logs" / "s.jsonl").write_text('{"type": "user", "sessionId": "s"}\n')
    (folder / "table.csv").write_text("id,when,n\n1,2026-01-05T10:00:00Z,3\n")
    (folder / "map.toml").write_text('kind = "batch"\n')
    (folder / "spec.toml").write_text(SPEC)
    (folder / "folder").mkdir()
    (folder / "folder" / "spec.toml").write_text("seeds = [0]\n")
    (folder / "tables").mkdir()
    (folder / "project" / ".claude").mkdir(parents=True)
    small_bundle(folder / "bundle", expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    shutil.copytree(folder / "bundle", folder / "work" / "bundle")
    for name in ("report.md", "results.json"):
        (folder / "work" / name).write_text("{}")


def _nothing(_: Path) -> None:
    """Leave things as they are."""


def _store_is_a_file(folder: Path) -> None:
    shutil.rmtree(folder / "store")
    (folder / "store").write_text("no store\n")


def _store_is_missing(folder: Path) -> None:
    shutil.rmtree(folder / "store")


def _stdout_is_full(_: Path) -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def _disk_is_full(_: Path) -> None:
    _limit_files(0)


def _disk_fills_up(_: Path) -> None:
    _limit_files(8192)


def _limit_files(size_bytes: int) -> None:
    """Let no file grow larger, nor Python 3.11 keep half a module's bytecode as whole."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


def _read_only(folder: Path) -> None:
    """Let another user run the command, who may read everything and write nothing."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    _become_another()


def _unreadable(folder: Path) -> None:
    for name in ("store", "bundle", "work", "logs", "spool.jsonl", "spec.toml"):
        (folder / name).chmod(0)
    _become_another()


def _become_another() -> None:
    if os.geteuid() == 0:
        become(NOBODY, NOBODY)


def _garbage(folder: Path) -> None:
    """Damage every file, each at another place."""
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if path.is_file() and path.name != "key":
            data = bytearray(path.read_bytes())
            middle = len(data) * (number % 5) // 5
            data[middle : middle + 40] = os.urandom(40)
            path.write_bytes(data)


def _cut(folder: Path) -> None:
    """Cut every file in half."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "key":
            os.truncate(path, path.stat().st_size // 2)


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            os.truncate(path, 0)


def _folders(folder: Path) -> None:
    """Put a folder where a file is expected."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        path.unlink()
        path.mkdir()


def _links(folder: Path) -> None:
    """Put a link that leads to itself where a file is expected."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.unlink()
        path.symlink_to(path.name)


def _pipes(folder: Path) -> None:
    """Put a named pipe, which none writes to, where a file is expected."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.unlink()
        os.mkfifo(path)


STATES: dict[str, Callable[[Path], None]] = {
    "as it should be": _nothing,
    "the store is a file": _store_is_a_file,
    "the store is missing": _store_is_missing,
    "standard output is full": _stdout_is_full,
    "the disk is full": _disk_is_full,
    "the disk fills up": _disk_fills_up,
    "everything is read-only": _read_only,
    "nothing may be read": _unreadable,
    "every file is damaged": _garbage,
    "every file is cut": _cut,
    "every file is empty": _empty,
    "folders instead of files": _folders,
    "links instead of files": _links,
    "pipes instead of files": _pipes,
}

OF_STORE = frozenset({"the store is a file", "the store is missing"})
OF_DISK = frozenset({"the disk is full", "the disk fills up"})
STOPPING = frozenset(STATES) - {"as it should be", "standard output is full"}


def cases() -> Iterator[tuple[str, str]]:
    """List every command with every state that it is tried in."""
    for name, command in COMMANDS.items():
        for state in STATES:
            if not command.lasts or state in _stopping(command):
                yield name, state


def _stopping(command: Command) -> frozenset[str]:
    """Name the states that stop a command: those of files that it does not read do not."""
    if not set(re.findall(r"\{(\w+)\}", command.words)) - {"out"}:
        return OF_DISK
    return STOPPING if "{store}" in command.words else STOPPING - OF_STORE


_loaded: set[str] = set()


def tried(name: str, state: str, template: Path, scratch: Path) -> Ended:
    """Run a command in a state."""
    if STATES[state] in (_read_only, _unreadable) and name not in _loaded:
        _loaded.add(name)
        folder = _fresh(template, scratch)
        load_what_it_loads(lambda: _run(name, folder))

    def act(folder: Path) -> int:
        STATES[state](folder)
        return _run(name, folder)

    folder = _fresh(template, scratch)
    ended = _forked(act, folder, _limit_s(name))
    problem = _problem(COMMANDS[name], ended)
    if state == "the store is missing" and COMMANDS[name].reads and not problem:
        problem = _problem_of_a_mistyped_store(ended, folder)
    _remove(folder)
    return ended._replace(problem=problem)


def tried_with(
    name: str,
    place: str,
    what: Callable[[Path], None],
    template: Path,
    scratch: Path,
) -> Ended:
    """Run a command that is given a pipe or a device in one place.

    Parameters
    ----------
    name : str
        Of the command.
    place : str
        One of `paths_of(name)`.
    what : callable
        Makes what is given, at a path.
    template, scratch : path
    """

    def act(folder: Path) -> int:
        given = folder / "given"
        what(given)
        _enter(folder)
        return run(words_with(name, place, given, _words(name, folder)))

    folder = _fresh(template, scratch)
    ended = _forked(act, folder, _limit_s(name))
    problem = _problem(COMMANDS[name], ended)
    _remove(folder)
    return ended._replace(problem=problem)


def files_of_a_store(template: Path) -> list[str]:
    """List the files of the store that the commands are tried on."""
    store = template / "store"
    return sorted(str(p.relative_to(store)) for p in store.rglob("*") if p.is_file())


def tried_on_a_pipe(name: str, file: str, template: Path, scratch: Path) -> Ended:
    """Run a command on a store with a pipe in the place of one file of it.

    Where all files are pipes, the first that is looked at ends the command.
    """

    def act(folder: Path) -> int:
        path = folder / "store" / file
        path.unlink()
        os.mkfifo(path)
        return _run(name, folder)

    folder = _fresh(template, scratch)
    ended = _forked(act, folder, _limit_s(name))
    problem = _problem(COMMANDS[name], ended)
    _remove(folder)
    return ended._replace(problem=problem)


def _limit_s(name: str) -> int:
    return LASTING_LIMIT_S if COMMANDS[name].lasts else LIMIT_S


def _forked(act: Callable[[Path], int], folder: Path, limit_s: int) -> Ended:
    said, saying = os.pipe()  # a limit on the size of files does not hold for it
    child = os.fork()
    if child == 0:
        os.close(said)
        signal.alarm(limit_s)
        _child(act, folder, saying)
    os.close(saying)
    with open(said, errors="replace") as stream:  # noqa: PTH123 - of a descriptor
        text = stream.read()
    _, status = os.waitpid(child, 0)
    return Ended(os.waitstatus_to_exitcode(status), text, "")


def _child(act: Callable[[Path], int], folder: Path, saying: int) -> None:
    code = 99
    try:
        os.dup2(saying, 2)
        os.close(saying)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
        os.umask(0o077)
        code = act(folder)
    except BaseException:  # noqa: BLE001 - the child's last words are what is tested
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _fresh(template: Path, scratch: Path) -> Path:
    folder = scratch / "case"
    _remove(folder)
    shutil.copytree(template, folder, symlinks=True)
    return folder


def _run(name: str, folder: Path) -> int:
    _enter(folder)
    return run(_words(name, folder))


def _enter(folder: Path) -> None:
    os.environ.update(HOME=str(folder / "home"), TOOLKIT_STORE="")
    os.environ.pop("XDG_DATA_HOME", None)
    os.environ.pop("XDG_CONFIG_HOME", None)
    os.chdir(folder)


def _words(name: str, folder: Path) -> list[str]:
    words = COMMANDS[name].words.format(**_names(folder))
    return [*name.split(), *words.split()]


def _names(folder: Path) -> dict[str, Path]:
    names = (
        "store",
        "logs",
        "work",
        "bundle",
        "served",
        "project",
        "folder",
        "tables",
        "copy",
    )
    files = {
        "out": "out.parquet",
        "spec": "spec.toml",
        "table": "table.csv",
        "map": "map.toml",
    }
    files |= {"spool": "spool.jsonl", "otlp": "otlp.jsonl"}
    return {name: folder / files.get(name, name) for name in [*names, *files]}


def _problem(command: Command, ended: Ended) -> str:
    if "Traceback" in ended.said:
        return "a traceback"
    if ended.code == -signal.SIGALRM:
        return "it hangs"
    if ended.code not in CODES:
        return f"exit code {ended.code}"
    errors = ended.said.count("toolkit: error:")
    if errors != (ended.code != 0) and not (command.reports and not errors):
        return f"exit code {ended.code} with {errors} errors"
    return ""


def _problem_of_a_mistyped_store(ended: Ended, folder: Path) -> str:
    if (folder / "store").exists():
        return "a mistyped store is created"
    return "" if ended.code in (2, 3) else "a mistyped store is not refused"


def _remove(folder: Path) -> None:
    if folder.exists():
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(folder)


def _all(
    template: Path, scratch: Path
) -> Iterator[tuple[str, str, Callable[[], Ended]]]:
    for name, state in cases():
        yield name, state, partial(tried, name, state, template, scratch)
    for name, place in given_paths():
        for what, make in ENDLESS.items():
            try_it = partial(tried_with, name, place, make, template, scratch)
            yield name, f"{what} for {place}", try_it
    for name, command in COMMANDS.items():
        if "{store}" in command.words and not command.lasts:
            for file in files_of_a_store(template):
                try_it = partial(tried_on_a_pipe, name, file, template, scratch)
                yield name, f"one pipe for {file}", try_it


def main() -> None:
    """Try every case and print what was wrong."""
    warm()
    wrong = total = 0
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o755)
        template = Path(scratch) / "template"
        make_template(template)
        for name, state, try_it in _all(template, Path(scratch)):
            words = {name, state, state.partition(" for ")[0]}
            if sys.argv[1:] and not words & set(sys.argv[1:]):
                continue
            ended = try_it()
            total += 1
            wrong += bool(ended.problem)
            if ended.problem:
                row = [name, state, ended.problem, ended.code, ended.said[-1500:]]
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()
    sys.stdout.write(f"{total} cases, {wrong} wrong\n")


if __name__ == "__main__":
    main()
