import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.bundle_factory import small_bundle
from toolkit.bundle import AdviceTable
from toolkit.cli import run

SPECIFIED = [
    "pre-task --description T --enable-monitoring true --establish-baseline true",
    "post-edit --file f --memory-key k --analyze-performance true --track-efficiency true",
    "notify --message M --level info --include-metrics true --performance-context true",
    (
        "post-task --task-id t --analyze-performance true --save-patterns true "
        "--generate-recommendations true"
    ),
]


def hooks(*words: str) -> int:
    return run(["hooks", *words])


def answered(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("line", SPECIFIED)
def test_the_specification_s_own_commands_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    assert hooks(*line.split(), "--store", str(tmp_path / "s"), "--json") == 0
    assert answered(capsys)["verb"] == line.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["notify", "--mesage", "x"], "--message"),
        (["pre-task", "--establish-base", "true"], "--establish-baseline"),
        (["post-edit", "--memorykey=k"], "--memory-key"),
        (["install", "--advise", "on"], "--advice"),
    ],
)
def test_an_unknown_flag_is_refused_with_the_nearest(
    capsys: pytest.CaptureFixture[str], words: list[str], near: str
) -> None:
    assert hooks(*words) == 2
    assert f"Did you mean `{near}`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["notify", "--message", ""], 2),
        (["notify", "--message", "x" * 501], 2),
        (["notify", "--message", "x", "--level", "loud"], 2),
        (["notify", "--message", "x", "--metadata", "{"], 3),
        (["notify", "--message", "x", "--metadata", "[]"], 3),
        (["notify", "--message", "x", "--metadata", '{"a": NaN}'], 3),
        (["pre-task", "--description", "x", "--enable-monitoring", "maybe"], 2),
        (["post-task"], 2),
        (["install", "--advice", "on"], 2),
        (["install", "--explore", "0.2"], 2),
        (["install", "--advice", "on", "--bundle", "b", "--explore", "2"], 2),
    ],
)
def test_a_wrong_value_ends_with_its_code_and_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert hooks(*words) == code
    assert capsys.readouterr().err.count("\n") == 1


def test_installing_and_uninstalling_leaves_the_project_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--project", str(tmp_path)]
    assert hooks("install", *at) == 0
    capsys.readouterr()
    assert hooks("status", *at, "--json") == 0
    found = answered(capsys)
    assert (found["installed"], found["advice"]) == (True, "off")
    assert hooks("uninstall", *at) == 0
    assert not (tmp_path / ".claude").exists()


@pytest.mark.parametrize("bundle", [[], ["--bundle", "not-yet"]], ids=["none", "later"])
def test_exploring_begins_with_the_sizes_that_the_rule_allows(
    tmp_path: Path, bundle: list[str]
) -> None:
    words = ["--advice", "on", *bundle, "--explore", "0.2"]
    assert hooks("install", "--project", str(tmp_path), *words) == 0
    data = (tmp_path / ".toolkit" / "rule-advice.json").read_bytes()
    table = json.loads(data)["table"].encode()
    cell = AdviceTable.loads(table).lookup("todoWrite", {"load_cpu": 0.6})

    assert cell is not None
    assert (cell.size, cell.sizes, cell.confident) == (10, tuple(range(5, 21)), False)


def test_claude_flow_is_told_only_when_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    hooks("notify", "--message", "x", "--json")
    alone = answered(capsys)
    hooks("notify", "--message", "x", "--json", "--claude-flow", "no-such-program")

    assert "claude_flow" not in alone
    assert answered(capsys)["claude_flow"]["dropped"] == 1


def shown(capsys: pytest.CaptureFixture[str], project: Path) -> dict[str, Any]:
    capsys.readouterr()
    hooks("status", "--project", str(project), "--json")
    return answered(capsys)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "home"))
    (tmp_path / "p" / ".claude").mkdir(parents=True)
    return tmp_path / "p"


def test_installed_means_that_a_test_event_was_recorded(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = shown(capsys, project)["installed"]
    hooks("install", "--project", str(project), "--harness-version", "2.1.200")
    found = shown(capsys, project)

    assert (before, found["installed"], found["problems"]) == (False, True, [])


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_hooks_that_are_switched_off_are_not_installed(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (project / ".claude" / name).write_text('{"disableAllHooks": true}')
    hooks("install", "--project", str(project))
    warned = capsys.readouterr().err
    found = shown(capsys, project)

    assert "nothing will be recorded" in warned
    assert not found["installed"]
    assert name in found["problems"][0]


def claude_says(folder: Path, version: str) -> str:
    """Put a `claude` that only says its version first on the path."""
    program = folder / "bin" / "claude"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\necho '{version} (Claude Code)'\n")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


def test_the_harness_is_asked_for_its_version_and_older_ones_are_noticed(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", claude_says(project.parent, "2.1.59"))
    hooks("install", "--project", str(project))
    old = shown(capsys, project)
    monkeypatch.setenv("PATH", claude_says(project.parent, "2.1.140"))
    hooks("install", "--project", str(project))
    new = shown(capsys, project)
    monkeypatch.setenv("PATH", claude_says(project.parent, "2.1.59"))
    back = shown(capsys, project)

    assert [one["installed"] for one in (old, new, back)] == [True, True, False]
    assert ["PostToolBatch" in one["events"] for one in (old, new)] == [False, True]
    assert "2.1.59 does not know `PostToolBatch`" in back["problems"][0]


def test_machine_bound_entries_leave_the_shared_settings(project: Path) -> None:
    from toolkit.capture.hooks import HookInstallation

    shared = project / ".claude" / "settings.json"
    HookInstallation(shared).install(store=project / ".toolkit")
    hooks("install", "--project", str(project))

    assert not shared.exists()
    assert (project / ".claude" / "settings.local.json").exists()


def test_an_empty_file_is_no_settings(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".claude" / "settings.json").touch()
    code = hooks("install", "--project", str(project))

    assert (code, shown(capsys, project)["installed"]) == (0, True)


def test_settings_that_cannot_be_read_are_said_before_anything_is_written(
    project: Path,
) -> None:
    (project / ".claude" / "settings.json").write_text("{ // ours\n}")

    assert hooks("install", "--project", str(project)) == 3
    assert not (project / ".claude" / "settings.local.json").exists()


@pytest.mark.slow
def test_git_sees_neither_the_store_nor_the_local_settings(project: Path) -> None:
    import subprocess

    subprocess.run(["git", "init", "-q", str(project)], check=True)
    hooks("install", "--project", str(project))
    said = subprocess.run(
        ["git", "-C", str(project), "status", "--porcelain", "-uall"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout == ""


def test_the_end_of_a_task_recommends_from_a_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expires = datetime.now(UTC) + timedelta(days=30)  # noqa: TID251 - the bundle must be fresh to the real clock of the command
    small_bundle(tmp_path / "b", expires_at=expires)
    words = ["--task-id", "t", "--generate-recommendations", "true"]
    store = ["--store", str(tmp_path / "s"), "--json"]

    assert hooks("post-task", *words, "--bundle", str(tmp_path / "b"), *store) == 0
    assert answered(capsys)["recommendations"] == []
    assert hooks("post-task", *words, "--bundle", str(tmp_path / "no"), *store) == 7
