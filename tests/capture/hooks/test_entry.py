"""Whose an entry is, what the harness knows, and whether an installation works."""

import json
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit.capture.hooks import (
    CURRENT,
    HarnessVersion,
    HookInstallation,
    fire_test_event,
    switched_off,
)
from toolkit.capture.hooks.harness import EVENTS
from toolkit.errors import InputDataError, UsageError

STRANGER = {
    "hooks": {
        "PreToolUse": [
            {
                "matcher": "Bash",
                "hooks": [
                    {
                        "type": "command",
                        "command": "python3",
                        "args": ["/opt/acme-devtoolkit/hook_handler.py", "--block-rm"],
                    }
                ],
            }
        ]
    }
}


@pytest.fixture
def hooks(tmp_path: Path) -> HookInstallation:
    (tmp_path / ".claude").mkdir()
    return HookInstallation(tmp_path / ".claude" / "settings.json")


def test_a_stranger_s_hook_with_a_name_like_ours_stays(hooks: HookInstallation) -> None:
    hooks.settings.write_text(json.dumps(STRANGER))
    before = hooks.status().installed
    hooks.install(store=None)
    edited = {"model": "opus", **json.loads(hooks.settings.read_text())}
    hooks.settings.write_text(json.dumps(edited))
    hooks.uninstall()

    assert not before
    assert json.loads(hooks.settings.read_text()) == {"model": "opus", **STRANGER}


def test_an_entry_from_before_the_mark_is_ours(hooks: HookInstallation) -> None:
    words = ["-I", "-S", "/venv/site-packages/toolkit/hook_handler.py"]
    old = {"type": "command", "command": "python", "args": [*words, "--advice", "off"]}
    hooks.settings.write_text(json.dumps({"hooks": {"Stop": [{"hooks": [old]}]}}))

    assert hooks.status().installed
    assert hooks.uninstall()


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        ("2.1.59", {"PostToolBatch", "StopFailure", "TaskCreated"}),
        ("2.1.100", {"PostToolBatch"}),
        ("2.1.101", set()),
        ("2.1.30", set(EVENTS) - set(HarnessVersion(2, 0, 50).events)),
    ],
)
def test_only_events_that_the_harness_knows_are_written(
    hooks: HookInstallation, version: str, missing: set[str]
) -> None:
    hooks.install(store=None, harness=HarnessVersion.parse(version))

    assert set(EVENTS) - set(hooks.status().events) == missing


def test_a_harness_without_argument_lists_gets_one_quoted_command(
    hooks: HookInstallation, tmp_path: Path
) -> None:
    store = tmp_path / "my store's $HOME"
    hooks.install(store=store, harness=HarnessVersion.parse("2.1.138"))
    entry = json.loads(hooks.settings.read_text())["hooks"]["Stop"][0]["hooks"][0]
    event = {"session_id": "s", "hook_event_name": "Stop"}
    subprocess.run(
        ["sh", "-c", entry["command"]], input=json.dumps(event).encode(), check=True
    )

    assert "args" not in entry
    assert shlex.split(entry["command"])[0] == sys.executable
    assert (store / "hooks" / "live.jsonl").exists()
    assert hooks.status().store == store


def test_a_text_without_a_version_is_refused() -> None:
    with pytest.raises(UsageError, match="not a version"):
        HarnessVersion.parse("latest")


def test_a_link_stays_a_link_and_modes_stay(
    hooks: HookInstallation, tmp_path: Path
) -> None:
    target = tmp_path / "dotfiles.json"
    target.write_text("{}")
    target.chmod(0o640)
    hooks.settings.symlink_to(target)
    hooks.install(store=None)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (target, hooks.backup)]
    hooks.uninstall()

    assert modes == [0o640, 0o640]
    assert hooks.settings.is_symlink()
    assert target.read_text() == "{}"


@pytest.mark.parametrize(
    "content",
    [
        '{"hooks":{"PreToolUse":[{"matcher":"Bash","hooks":null}]}}',
        '{"hooks":{"Stop":[{"hooks":5}]}}',
        '{"hooks":{"Stop":null}}',
        '{"hooks":{"PreToolUse":{"Bash":"echo"}}}',
        '{"hooks":null}',
        '{"x": 1e400}',
        '{"x": NaN}',
        '{"hooks":{"Stop":[]},"model":"opus","hooks":{"SessionEnd":[]}}',
        "{ // ours\n}",
        "[]",
    ],
)
def test_odd_settings_end_in_one_message_and_stay(
    hooks: HookInstallation, content: str
) -> None:
    hooks.settings.write_text(content)
    for verb in (hooks.status, lambda: hooks.install(store=None), hooks.uninstall):
        with pytest.raises(InputDataError):
            verb()

    assert hooks.settings.read_text() == content


def test_a_name_that_stands_twice_is_said(hooks: HookInstallation) -> None:
    hooks.settings.write_text('{"hooks":{"Stop":[],"Stop":[]}}')

    with pytest.raises(InputDataError, match="`Stop` stands twice"):
        hooks.install(store=None)


def test_a_folder_in_the_way_is_one_message(hooks: HookInstallation) -> None:
    hooks.settings.mkdir()

    with pytest.raises(InputDataError, match="cannot be read"):
        hooks.install(store=None)


def test_a_file_where_the_folder_should_be_is_one_message(tmp_path: Path) -> None:
    (tmp_path / ".claude").touch()

    with pytest.raises(InputDataError, match="where the folder should be"):
        HookInstallation(tmp_path / ".claude" / "settings.json").install(store=None)


def test_an_entry_that_works_records_a_test_event(hooks: HookInstallation) -> None:
    hooks.install(store=None)
    entry = hooks.status().entry
    assert entry is not None

    assert fire_test_event(entry) is None


def test_an_entry_whose_program_is_gone_says_so(hooks: HookInstallation) -> None:
    hooks.install(store=None)
    entry = {**(hooks.status().entry or {}), "command": "/nowhere/python"}

    assert "/nowhere/python is not there" in str(fire_test_event(entry))


def test_an_entry_that_records_nothing_says_so() -> None:
    entry = {"command": sys.executable, "args": ["-c", "raise SystemExit(3)"]}

    assert "recorded nothing (exit code 3)" in str(fire_test_event(entry))


@pytest.mark.parametrize(
    ("local", "user", "managed", "said"),
    [
        ({}, {}, {}, None),
        ({"disableAllHooks": True}, {}, {}, "local.json"),
        ({}, {"disableAllHooks": True}, {}, "user.json"),
        ({"disableAllHooks": False}, {"disableAllHooks": True}, {}, None),
        ({"disableAllHooks": False}, {}, {"disableAllHooks": True}, "managed.json"),
        ({}, {}, {"allowManagedHooksOnly": True}, "managed hooks only"),
    ],
)
def test_the_first_settings_that_say_something_decide(
    tmp_path: Path, local: Any, user: Any, managed: Any, said: str | None
) -> None:
    paths = [tmp_path / name for name in ("local.json", "user.json", "managed.json")]
    for path, value in zip(paths, (local, user, managed), strict=True):
        path.write_text(json.dumps(value))
    found = switched_off(paths[:2], paths[2])

    assert found is None if said is None else said in str(found)


def test_the_assumed_harness_knows_everything() -> None:
    assert set(CURRENT.events) == set(EVENTS)
