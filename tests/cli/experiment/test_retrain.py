from pathlib import Path

import pytest

from toolkit.cli import run


def test_away_from_a_checkout_the_installed_specification_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code = run(["experiment", "retrain", "--store", str(tmp_path / "nothing")])

    assert code == 3
    assert "no such store" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "experiment retrain",
        "features build batch --out table.parquet",
        "heal calibrate",
        "heal watch --once",
        "model rollback",
        "monitor --once",
        "report objectives",
        "report off-policy --policy rule",
    ],
)
def test_a_command_without_a_store_takes_the_configured_one(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLKIT_STORE", str(tmp_path / "team"))

    run(command.split())

    assert "--store" not in capsys.readouterr().err
