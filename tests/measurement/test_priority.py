import os

import pytest

from toolkit.measurement import MEASURING_NICENESS, precedence


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_precedence_ends_with_its_context() -> None:
    before = niceness()
    with precedence():
        pass

    assert niceness() == before


def test_precedence_is_taken_where_it_is_allowed() -> None:
    with precedence() as allowed:
        during = niceness()

    assert (during <= MEASURING_NICENESS) is allowed


def test_without_permission_the_niceness_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(which: int, who: int, priority: int) -> None:
        raise PermissionError

    before = niceness()
    monkeypatch.setattr(os, "setpriority", refuse)
    with precedence() as allowed:
        during = niceness()

    assert (allowed, during) == (False, before)
