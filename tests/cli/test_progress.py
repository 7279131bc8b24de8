"""Progress elsewhere than on a terminal: a line soon, then one now and then."""

import threading

import pytest

from toolkit.cli import progress as shown_progress
from toolkit.cli.progress import progress


class Lines:
    """Collects what is written, and says when something was."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.came = threading.Event()

    def __call__(self, text: str, *, to_stderr: bool = False) -> None:
        assert to_stderr
        self.texts.append(text)
        self.came.set()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    found = Lines()
    monkeypatch.setattr(shown_progress, "print_text", found)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    return found


def test_the_first_line_comes_after_two_seconds_the_next_ones_after_five() -> None:
    assert (shown_progress.FIRST_LINE_S, shown_progress.LINE_EVERY_S) == (2.0, 5.0)


def test_work_that_lasts_says_how_far_it_is(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_progress, "FIRST_LINE_S", 0.001)
    with progress("reading") as said:
        said(1, 3, "a.jsonl")
        assert lines.came.wait(30)

    assert lines.texts[-1] in ("reading", "reading 1/3 a.jsonl")


def test_work_without_steps_names_itself(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_progress, "FIRST_LINE_S", 0.001)
    with progress("reviewing"):
        assert lines.came.wait(30)

    assert lines.texts == ["reviewing"]


def test_short_work_and_quiet_work_say_nothing(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress("reading") as said:
        said(1, 1)
    monkeypatch.setattr(shown_progress, "FIRST_LINE_S", 0.0)
    with progress("reading", quiet=True):
        pass

    assert lines.texts == []
