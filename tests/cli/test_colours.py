"""What is coloured on a terminal is not where `NO_COLOR` is set."""

import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from toolkit.history import RecordStore
from toolkit.records import CoordinationEvent, Outcome, Provenance

COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")


def shown_on_a_terminal(words: list[str], **settings: str) -> bytes:
    """Run a command on a terminal of its own, and give what it writes there."""
    inherited = {name: text for name, text in os.environ.items() if name != "NO_COLOR"}
    ours, its = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "toolkit", *words],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**inherited, "TERM": "xterm-256color", **settings},
    ):
        os.close(its)
        shown = b""
        try:
            while more := os.read(ours, 65536):
                shown += more
        except OSError:  # the last writer has closed it
            pass
    os.close(ours)
    return shown


def looked(number: int) -> CoordinationEvent:
    return CoordinationEvent(
        record_id=f"c{number}",
        at=datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=number),
        source="test",
        provenance=Provenance.MEASURED,
        session_id="s",
        agent_id="ab"[number % 2],
        operation="look",
        action="read",
        memory_key="k",
        duration_s=1.5,
        outcome=Outcome.SUCCEEDED if number % 4 else Outcome.FAILED,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["monitor", "--once"], ["records", "compact"]], ids=["view", "bar"]
)
def test_no_color_is_respected(tmp_path: Path, words: list[str]) -> None:
    with RecordStore(tmp_path) as store:
        for number in range(9):
            store.add(looked(number))
    words = [*words, "--store", str(tmp_path)]

    assert COLOUR.search(shown_on_a_terminal(words, NO_COLOR="1")) is None
    assert COLOUR.search(shown_on_a_terminal(words)) is not None
