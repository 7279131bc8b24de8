import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import NotEnoughDataError
from toolkit.experiments.tables import group_folds, time_split

names = st.lists(st.sampled_from("abcdefghij"), min_size=2).filter(
    lambda groups: len(set(groups)) >= 2
)


@given(names, st.integers(2, 6), st.integers(0, 9))
def test_no_group_is_on_both_sides_and_each_is_tested_once(
    groups: list[str], folds: int, seed: int
) -> None:
    made = group_folds(groups, folds=folds, seed=seed)

    assert all(not set(fold.train) & set(fold.test) for fold in made)
    assert sorted(name for fold in made for name in fold.test) == sorted(set(groups))


@given(names, st.data())
def test_a_time_split_tests_on_groups_that_began_later(
    groups: list[str], data: st.DataObject
) -> None:
    times = data.draw(
        st.lists(st.floats(0, 9), min_size=len(groups), max_size=len(groups))
    )

    fold = time_split(groups, times, share=0.3)

    began = {
        g: min(t for h, t in zip(groups, times, strict=True) if h == g) for g in groups
    }
    assert max(began[g] for g in fold.train) <= min(began[g] for g in fold.test)


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(NotEnoughDataError):
        group_folds(["a", "a"], folds=2, seed=0)
