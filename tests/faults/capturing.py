"""The installed hook, its installation, and the receiver."""

import http.client
import json
import os
from collections.abc import Mapping
from pathlib import Path

from tests.faults.operation import ANSWERED, Operation
from tests.history.importers.otlp.test_source import span, traces
from tests.hook_payloads import after, batch, before, call
from toolkit.capture.hook_handler import main as handle_event
from toolkit.capture.receiver import OtlpReceiver
from toolkit.cli import run
from toolkit.cli.translation import translated
from toolkit.history import RecordStore, read_store
from toolkit.records import Spool

__all__ = ["CAPTURING"]

ONE = call("Read", 1)
EARLIER = [before(ONE), after(ONE)]
LATER = [batch([ONE]), before(call("Read", 2))]
FOREIGN = {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "date"}]}]}}
BODY = json.dumps(traces(span("execute_tool Read", 0, 1, number=1))).encode()


def _prepare_events(folder: Path) -> None:
    folder.mkdir()
    for event in EARLIER:
        _say(folder, event)


def _say(folder: Path, event: Mapping[str, object]) -> None:
    """Have the hook handle one event, as a process of its own would."""
    source = os.memfd_create("event")
    os.write(source, json.dumps(event).encode())
    os.lseek(source, 0, os.SEEK_SET)
    os.dup2(source, 0)
    os.close(source)
    assert handle_event(["--store", str(folder / "store"), "--advice", "shadow"]) == 0


def _events(folder: Path) -> int:
    for event in LATER:
        _say(folder, event)
    return 0


def _check_events(folder: Path, *, acknowledged: bool) -> None:
    """What was said before stays; a hook promises no more than that it appended."""
    earlier = [event["hook_event_name"] for event in EARLIER]
    seen = _seen(folder)
    assert seen[:2] == earlier or not acknowledged, seen
    assert _events(folder) == 0
    again = _seen(folder)
    assert again[: len(seen)] == seen
    assert again[-1] == "PreToolUse", again
    assert "PostToolBatch" in again[len(seen) :], again


def _seen(folder: Path) -> list[str]:
    rows = [line.row for line in Spool(folder / "store" / "hooks").lines()]
    assert None not in rows, "a torn line"
    return [str(row["event"]) for row in rows if row is not None]


def _prepare_project(folder: Path) -> None:
    (folder / ".claude").mkdir(parents=True)
    _settings(folder).write_text(json.dumps(FOREIGN))


def _settings(folder: Path) -> Path:
    return folder / ".claude" / "settings.local.json"


def _install(folder: Path) -> int:
    return run(["hooks", "install", "--project", str(folder)])


def _check_project(folder: Path, *, acknowledged: bool) -> None:
    """Somebody else's settings are whole at any moment."""
    for installed in (acknowledged, True):
        settings = json.loads(_settings(folder).read_text())
        commands = json.dumps(settings["hooks"]["Stop"])
        assert '"date"' in commands
        assert "hook_handler" in commands or not installed
        assert _install(folder) == 0


def _prepare_receiver(folder: Path) -> None:
    folder.mkdir()
    with RecordStore(folder / "store") as store:
        assert store.key


def _receive(folder: Path) -> int:
    """Send one request; 0 where it was answered 200, and a note of it for the check."""
    status = 0
    try:
        with (
            RecordStore(folder / "store") as store,
            OtlpReceiver(store, port=0) as receiver,
        ):
            status = _posted(receiver.port)
            if status == 200:
                folder.with_name(ANSWERED).touch()
    except Exception as error:
        if translated(error) is None:
            raise
    return 0 if status == 200 else 3


def _posted(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/traces", BODY, headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _check_receiver(folder: Path, *, acknowledged: bool) -> None:
    """What was answered with 200 becomes one record, once, whatever came behind it."""
    with (
        RecordStore(folder / "store") as store,
        OtlpReceiver(store, port=0) as receiver,
    ):
        receiver.join()
    found = _batches(folder)
    assert found == 1 or (not acknowledged and not found), found
    assert _receive(folder) == 0
    assert _batches(folder) == 1, f"{found}, then {_batches(folder)}"


def _batches(folder: Path) -> int:
    return read_store(folder / "store").count("batch")


WARM = ("duckdb", "pyarrow.parquet", "toolkit.cli.hooks.verbs")


CAPTURING: Mapping[str, Operation] = {
    "hook": Operation(_prepare_events, _events, _check_events, WARM),
    "hooks install": Operation(_prepare_project, _install, _check_project, WARM),
    "receiver": Operation(_prepare_receiver, _receive, _check_receiver, WARM),
}
