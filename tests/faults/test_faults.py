"""Every n-th call fails, or the process or the power goes, and nothing is lost.

The short form takes some of the calls; `python -m tests.faults` takes all of them.
"""

import pytest

from tests.faults.conftest import Trials

EXIT_CODES = {"EIO": {0, 3}, "ENOSPC": {0, 3}, "short write": {0}}
"""A call may fail without harm (a lock that need not be); a command that could not do
its work ends with 3."""

SOME = 6


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["append", "compact", "import"])
@pytest.mark.parametrize("action", ["EIO", "ENOSPC", "short write", "kill after"])
def test_a_failing_call_loses_nothing_and_the_next_run_completes(
    trials: Trials, name: str, action: str
) -> None:
    calls = trials.ask(name=name, number=0, action="none")["calls"]
    step = max(1, calls // SOME)
    for number in range(1, calls + 1, step):
        answer = trials.ask(name=name, number=number, action=action)

        assert answer["sound"], f"call {number}: {answer['why']}"
        assert answer["code"] in EXIT_CODES.get(action, {0, -9}), answer
        assert "Traceback" not in answer["error"], f"call {number}: {answer['error']}"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["append", "compact"])
def test_a_power_cut_keeps_what_was_acknowledged(trials: Trials, name: str) -> None:
    # Files that only grow are replayed as they were; SQLite, which an import writes to
    # in place, is not modelled.
    answer = trials.ask(name=name, every=15)

    assert answer["code"] == 0, answer["error"]
    assert answer["unsound"] == []
