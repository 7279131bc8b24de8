"""Every n-th call fails, or the process or the power goes, and nothing is lost.

The short form takes some of the calls; `python -m tests.faults` takes all of them.
"""

from collections.abc import Callable
from functools import cache

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
"""What takes seconds a trial is tried once or twice."""
A_TIME = sampled(2, whole=len(ACTIONS) - 1)
"""Ways to fail that an operation is tried with: the next ones of all with each next."""
CUTS = sampled(2, whole=4)
"""Into how many parts the calls of an operation are divided by power cuts."""

# An operation is run again for each call in which it may fail.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def calls_of(trials: Trials) -> Callable[[str], int]:
    """Count the calls of an operation that nothing hurts, once."""

    @cache
    def count(name: str) -> int:
        return int(trials.ask(name=name, number=0, action="none")["calls"])

    return count


def _costly(name: str) -> tuple[str, ...]:
    """Fail or be killed; of one operation the one, of the next the other, or both."""
    both = ("EIO", "kill after")
    place = FEWER.index(name) % 2
    return sampled(both[place : place + 1], whole=both)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_failing_call_loses_nothing_and_the_next_run_completes(
    trials: Trials, calls_of: Callable[[str], int], name: str
) -> None:
    calls = calls_of(name)
    first = A_TIME * sorted(OPERATIONS).index(name)
    turn = [ACTIONS[1:][(first + n) % (len(ACTIONS) - 1)] for n in range(A_TIME)]
    actions = _costly(name) if name in FEWER else turn
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
def test_a_power_cut_keeps_what_was_acknowledged(
    trials: Trials, calls_of: Callable[[str], int], name: str
) -> None:
    answer = trials.ask(name=name, every=max(1, calls_of(name) // CUTS))

    assert answer["code"] == 0, answer["error"]
    assert answer["unsound"] == []
