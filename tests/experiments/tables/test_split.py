import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import NotEnoughDataError
from toolkit.experiments.tables import deal_folds

names = st.lists(st.sampled_from("abcdefghij"), min_size=2).filter(
    lambda groups: len(set(groups)) >= 2
)


@given(names, st.integers(2, 6), st.integers(0, 9))
def test_no_group_is_on_both_sides_and_each_is_tested_once(
    groups: list[str], folds: int, seed: int
) -> None:
    made = deal_folds(groups, folds=folds, seed=seed)

    assert all(not set(fold.train) & set(fold.test) for fold in made)
    assert sorted(name for fold in made for name in fold.test) == sorted(set(groups))


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(NotEnoughDataError):
        deal_folds(["a", "a"], folds=2, seed=0)
