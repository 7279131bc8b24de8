"""`toolkit doctor` finds what is missing and what does not work."""

import json
from pathlib import Path

import pytest

from tests.review.reviewed import Talk, import_sessions
from toolkit.cli import run


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_DATA_HOME", "TOOLKIT_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


def _found(
    capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, dict[str, dict[str, str]]]:
    code = run(["doctor", "--json", *arguments])
    rows = json.loads(capsys.readouterr().out)["findings"]
    return code, {row["what"]: row for row in rows}


def test_a_new_machine_has_nothing_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = _found(capsys)

    assert code == 0
    assert (found["store"]["state"], found["logs"]["state"]) == ("absent", "absent")
    assert found["onnxruntime"]["state"] == "ok"
    assert "hooks" not in found


def test_a_store_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = import_sessions(tmp_path, Talk().read("/home/a/alpha.py"))

    _, found = _found(capsys, "--store", str(store))

    assert found["store"]["state"] == "ok"
    assert "records, last of 2026" in found["store"]["detail"]


def test_a_store_of_a_newer_toolkit_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = import_sessions(tmp_path, Talk().read("/home/a/alpha.py"))
    (store / "store.json").write_text('{"format": 99}')

    code, found = _found(capsys, "--store", str(store))

    assert (code, found["store"]["state"]) == (3, "wrong")


def test_installed_hooks_are_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install = ["hooks", "install", "--harness-version", "2.1.200"]
    assert run([*install, "--project", ".", "--store", str(tmp_path / "store")]) == 0
    capsys.readouterr()

    code, found = _found(capsys)
    assert (code, found["hooks"]["state"]) == (0, "ok")

    settings = next((tmp_path / "project" / ".claude").glob("settings*.json"))
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("hook_handler.py", "gone.py"), encoding="utf-8")
    code, found = _found(capsys)
    assert (code, found["hooks"]["state"]) == (3, "wrong")
