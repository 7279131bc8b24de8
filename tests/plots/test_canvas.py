import pandas as pd
import pytest

from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.plots.canvas import known_rows, without_people

FRAME = pd.DataFrame({"size": [1.0, None, 3.0], "cost": [1.0, 2.0, None]})


def test_rows_in_which_a_needed_column_is_unknown_are_left_out() -> None:
    assert known_rows(FRAME, "size", what="a curve").index.tolist() == [0, 2]
    assert known_rows(FRAME, "size", "cost", what="a curve").index.tolist() == [0]


def test_a_misspelled_column_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError, match="Did you mean `size`"):
        known_rows(FRAME, "sizes", what="a curve")


def test_a_picture_of_nothing_is_not_drawn() -> None:
    with pytest.raises(NotEnoughDataError, match="a curve"):
        known_rows(FRAME.assign(size=None), "size", what="a curve")


def test_a_person_in_the_time_censors_a_row_and_what_is_unknown_does_not() -> None:
    rows = pd.DataFrame({"censored": [True, False, None]}, dtype=object)

    assert without_people(rows, what="a curve").index.tolist() == [1, 2]
    assert len(without_people(FRAME, what="a curve")) == 3
    with pytest.raises(NotEnoughDataError, match="a curve"):
        without_people(rows[:1], what="a curve")
