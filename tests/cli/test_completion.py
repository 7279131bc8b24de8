"""Completion in a real shell, and the man page that is shipped."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.man_page import MAN_PAGE, man_page
from toolkit.cli import run

ASK = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_shtab_toolkit toolkit
printf "%s\\n" "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "completion", "bash"],
        capture_output=True,
        text=True,
        check=True,
    )
    path = tmp_path_factory.mktemp("completion") / "toolkit.bash"
    path.write_text(done.stdout)
    return path


def completed(script: Path, words: str) -> set[str]:
    asked = ASK.format(script=script, words=words)
    done = subprocess.run(
        ["bash", "-c", asked], capture_output=True, text=True, check=True
    )
    return {word.strip() for word in done.stdout.splitlines()}


def test_bash_completes_nouns_verbs_and_options(script: Path) -> None:
    assert completed(script, "toolkit rec") == {"records", "recommend"}
    assert "compact" in completed(script, "toolkit records comp")
    assert completed(script, "toolkit review --expl") == {"--explain"}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_each_script_is_one_that_its_shell_reads(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    assert run(["completion", shell]) == 0
    path = tmp_path / "script"
    path.write_text(capsys.readouterr().out)

    done = subprocess.run([program, "-n", path], capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "fish"]) == 2
    assert "bash" in capsys.readouterr().err


def test_the_man_page_is_of_this_command_line() -> None:
    # Where the lines of a usage break is a matter of the version of Python.
    kept = MAN_PAGE.read_text(encoding="utf-8").split()

    assert kept == man_page().split(), "write it again: python -m tests.man_page"


def test_man_renders_the_page() -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(
        # All warnings but of lines that do not fill their width.
        [groff, "-man", "-Tutf8", "-ww", "-Wbreak", MAN_PAGE],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "toolkit review" in done.stdout
