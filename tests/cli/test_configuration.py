"""The user's configuration file chooses a store, and what a word stands for."""

import json
from pathlib import Path

import pytest

from tests.review.reviewed import Talk, import_sessions
from toolkit.cli import run
from toolkit.cli.configuration import configuration
from toolkit.cli.default_store import default_store


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TOOLKIT_STORE", raising=False)
    path = tmp_path / "config.toml"
    monkeypatch.setenv("TOOLKIT_CONFIG", str(path))
    return path


def test_without_a_file_nothing_is_configured(file: Path) -> None:
    assert configuration().store is None
    assert default_store().endswith("workflow-toolkit/store")


def test_the_configured_store_is_reviewed(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Talk().read("/home/a/alpha.py")
    store = import_sessions(tmp_path, talk)
    file.write_text(f"store = {json.dumps(str(store))}\n")

    assert run(["review", "--no-import", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sessions"] == 1


def test_the_environment_goes_before_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('store = "of/the/file"\n')
    monkeypatch.setenv("TOOLKIT_STORE", "of/the/environment")

    assert default_store() == "of/the/environment"


def test_an_alias_stands_for_its_words(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('[aliases]\nten = "recommend agents --components 10"\n')

    assert run(["ten", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recommended"] >= 1


def test_an_alias_hides_no_command(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('[aliases]\nrecommend = "doctor"\n')

    assert run(["recommend", "agents", "--components", "10", "--json"]) == 0
    assert "recommended" in json.loads(capsys.readouterr().out)


def test_an_alias_is_run_by_no_shell(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    file.write_text(f'[aliases]\nevil = "doctor; touch {made}"\n')

    assert run(["evil"]) == 2
    assert not made.exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("store = 3\n", "field `store`: must be a path (got 3)"),
        ("shop = 'x'\n", "field `shop`: is not known"),
        ("aliases = 'x'\n", "must be a table"),
        ("[aliases]\nx = ['review']\n", "field `aliases.x`: must be a text"),
        ("[aliases]\nx = ''\n", "is empty"),
        ('[aliases]\nx = "review \'"\n', "cannot be split"),
        ("store\n", "is no TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(
    file: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    file.write_text(text)

    assert run(["review", "--no-import"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert str(file) in line


def test_an_alias_of_an_alias_is_refused(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('[aliases]\na = "b"\nb = "review"\n')

    assert run(["a"]) == 2
    assert str(file) in capsys.readouterr().err
