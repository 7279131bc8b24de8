"""Every n-th call fails, or the process or the power goes, and nothing is lost.

The short form takes some of the calls; `python -m tests.faults` takes all of them.
"""

import pytest

from tests.faults.asking import Trials
from tests.faults.operations import OPERATIONS
from tests.faults.trials import ACTIONS
from tests.thorough import sampled

EXIT_CODES = {
    "EIO": {0, 3, 7},
    "ENOSPC": {0, 3, 7},
    "kill before": {-9, 0},
    "kill after": {-9, 0},
    "short write": {0},
}
"""A call may fail without harm (a lock that need not be); a command that could not do
its work ends with 3, or with 7 where it could not read back the bundle that it wrote.
Threads may do one call less than the time before, so that a late kill never comes."""

FEWER = sampled(("train", "track", "retrain", "promote"), whole=("train", "track"))
"""What takes seconds a trial is tried twice."""

# An operation is run again for each call in which it may fail.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_failing_call_loses_nothing_and_the_next_run_completes(
    trials: Trials, name: str
) -> None:
    calls = trials.ask(name=name, number=0, action="none")["calls"]
    actions = ("EIO", "kill after") if name in FEWER else ACTIONS[1:]
    for place, action in enumerate(actions):
        number = 1 + (calls - 1) * (1 + 2 * place) // (2 * len(actions))
        answer = trials.ask(name=name, number=number, action=action)

        assert answer["sound"], f"{action}, call {number}: {answer['why']}"
        assert answer["code"] in EXIT_CODES[action], answer
        assert "Traceback" not in answer["error"], f"call {number}: {answer['error']}"


@pytest.mark.parametrize(
    "name",
    ["append", "compact", "export", "first import", "import", "receiver", "rollback"],
)
def test_a_power_cut_keeps_what_was_acknowledged(trials: Trials, name: str) -> None:
    calls = trials.ask(name=name, number=0, action="none")["calls"]
    answer = trials.ask(name=name, every=max(1, calls // 4))

    assert answer["code"] == 0, answer["error"]
    assert answer["unsound"] == []
