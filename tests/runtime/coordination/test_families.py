import pytest

from tests.runtime.coordination.agents import agent
from toolkit.runtime.coordination.families import SOON, Families
from toolkit.runtime.coordination.instants import NEVER

KEEP = 3600e6


@pytest.fixture
def families() -> Families:
    return Families(keep=KEEP)


def test_who_appears_while_a_call_lasts_is_its_child_until_its_end(
    families: Families,
) -> None:
    parent, child = agent("s/main"), agent("s/child", at=5.0)
    families.join("s", parent)
    families.started("s", parent, 1.0, 9.0 + SOON)
    families.join("s", child)

    assert (child.started, child.started_until) == (True, 9.0 + SOON)
    assert not parent.started


def test_a_child_that_was_there_before_the_record_of_its_start_is_found(
    families: Families,
) -> None:
    parent, child = agent("s/main"), agent("s/child", at=5.0)
    families.join("s", child)
    families.started("s", parent, 1.0, None)

    assert (child.started, child.started_until) == (True, NEVER)


@pytest.mark.parametrize("at", [0.5, 1.0 + SOON + 1])
def test_who_appeared_before_the_call_or_long_after_it_is_no_child(
    families: Families, at: float
) -> None:
    other = agent("s/other", at=at)
    families.started("s", agent("s/main"), 1.0, 2.0)
    families.join("s", other)

    assert not other.started


def test_calls_of_another_session_start_nobody_here(families: Families) -> None:
    child = agent("t/child", at=2.0)
    families.started("s", agent("s/main"), 1.0, None)
    families.join("t", child)

    assert not child.started


def test_the_last_of_several_calls_that_may_be_its_own_says_when_a_child_ended(
    families: Families,
) -> None:
    child = agent("s/child", at=5.0)
    families.join("s", child)
    for ended in (50.0, 90.0, 70.0):
        families.started("s", agent("s/main"), 1.0, ended)

    assert child.started_until == 90.0


def test_a_call_is_forgotten_with_age_and_with_its_session(families: Families) -> None:
    parent, late = agent("s/main"), agent("s/late", at=2.0)
    families.join("s", parent)
    families.started("s", parent, 1.0, None)
    families.started("s", parent, 2.0 + KEEP, None)
    families.join("s", late)
    assert not late.started

    families.leave(late)
    families.leave(parent)
    again = agent("s/again", at=3.0 + KEEP)
    families.join("s", again)
    assert not again.started
