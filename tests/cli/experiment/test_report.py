from pathlib import Path

import pytest

from toolkit.cli import run


@pytest.mark.parametrize("content", [b"\xab\xff", b"{", b"[" * 100_000])
def test_damaged_results_are_one_error(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.json").write_bytes(content)

    assert run(["experiment", "report", str(tmp_path), "--json"]) == 3
    assert "damaged" in capsys.readouterr().err


def test_a_damaged_report_is_one_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.md").write_bytes(b"# \xab")

    assert run(["experiment", "report", str(tmp_path)]) == 3
    assert "damaged" in capsys.readouterr().err


def test_a_token_that_is_no_text_is_one_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_bytes(b"\xab\xff")
    words = ["records", "receive", "--store", str(tmp_path / "store"), "--seconds", "0"]

    assert run([*words, "--port", "0", "--token-file", str(tmp_path / "token")]) == 2
    assert "one word" in capsys.readouterr().err
