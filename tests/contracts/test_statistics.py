"""What every streaming statistic promises, asked of each of them."""

import inspect
from collections.abc import Callable, Sized

import pytest

from toolkit import stats
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.stats.base import Statistic

MEMBERS: dict[str, Callable[[], Statistic]] = {
    "RollingQuantile": lambda: stats.RollingQuantile(0.9, window=4),
}

every_statistic = pytest.mark.parametrize("name", MEMBERS)


def test_every_statistic_of_the_room_is_enrolled() -> None:
    classes = {
        name
        for name in stats.__all__
        if inspect.isclass(getattr(stats, name)) and name != "Statistic"
    }

    assert classes == set(MEMBERS)


@every_statistic
def test_it_is_a_statistic(name: str) -> None:
    assert isinstance(MEMBERS[name](), Statistic)


@every_statistic
def test_an_empty_one_says_so(name: str) -> None:
    statistic = MEMBERS[name]()

    assert not statistic.ready


@every_statistic
def test_an_empty_one_has_no_value(name: str) -> None:
    statistic = MEMBERS[name]()

    with pytest.raises(NotEnoughDataError):
        statistic.get()


@every_statistic
def test_a_fed_one_counts_and_answers(name: str) -> None:
    statistic = MEMBERS[name]()

    for x in (1.0, 0.0, 3.0):
        statistic.update(x)

    assert (statistic.count, statistic.ready) == (3, True)
    assert isinstance(statistic.get(), float)


@every_statistic
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_refused(name: str, bad: float) -> None:
    statistic = MEMBERS[name]()

    with pytest.raises(UsageError, match="finite"):
        statistic.update(bad)


@every_statistic
def test_the_room_holds_no_unbounded_memory(name: str) -> None:
    statistic = MEMBERS[name]()

    for number in range(2000):
        statistic.update(number % 7)

    kept = [getattr(statistic, slot, None) for slot in _slots(type(statistic))]
    assert all(len(value) <= 5 for value in kept if isinstance(value, Sized))


def _slots(cls: type) -> list[str]:
    return [slot for base in cls.__mro__ for slot in getattr(base, "__slots__", ())]
