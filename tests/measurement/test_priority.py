import os

import pytest

from toolkit.measurement.priority import MEASURING_NICENESS, competes, raised_priority
from toolkit.measurement.priority import niceness as session_niceness


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_raised_priority_ends_with_its_context() -> None:
    before = niceness()
    with raised_priority():
        pass

    assert niceness() == before


def test_raised_priority_is_taken_where_it_is_allowed() -> None:
    with raised_priority() as allowed:
        during = niceness()

    assert (during <= MEASURING_NICENESS) is allowed


def test_without_permission_the_niceness_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(which: int, who: int, priority: int) -> None:
        raise PermissionError

    before = niceness()
    monkeypatch.setattr(os, "setpriority", refuse)
    with raised_priority() as allowed:
        during = niceness()

    assert (allowed, during) == (False, before)


def test_a_process_of_the_same_session_competes() -> None:
    own = session_niceness()

    assert own is not None
    assert competes(os.getppid(), own + 20)
