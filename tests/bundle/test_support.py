import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.bundle import Support
from toolkit.errors import SchemaError
from toolkit.policies import Problem, Value

SUPPORT = Support(
    column="kind",
    counts={"read": ((1.0, 50), (8.0, 4), (10.0, 6))},
    ranges={"load": (0.0, 1.0), "bytes": (100.0, 100.0)},
)


def test_rows_within_a_quarter_of_an_action_stand_behind_it() -> None:
    problem = Problem.of("size", [1, 6, 8, 9, 20], kind="read")

    assert SUPPORT.rows_near(problem).tolist() == [50, 0, 10, 10, 0]


@pytest.mark.parametrize("kind", ["write", None, 3.0])
def test_nothing_stands_behind_an_action_in_a_kind_that_was_never_seen(
    kind: float | str | None,
) -> None:
    assert SUPPORT.rows_near(Problem.of("size", [1, 8], kind=kind)).tolist() == [0, 0]


def test_one_table_serves_all_contexts_where_no_column_splits() -> None:
    support = Support(column=None, counts={"": ((2.0, 7),)}, ranges={})

    assert support.rows_near(Problem.of("agents", [2], kind="any")).tolist() == [7]


@pytest.mark.parametrize(("load", "end"), [(1.2, 1.0), (-math.inf, 0.0)])
def test_a_number_far_outside_its_range_has_an_end_and_is_lost(
    load: float, end: float
) -> None:
    context: dict[str, Value] = {"kind": "read", "load": load, "bytes": 100.0}

    assert SUPPORT.outside(context) == ({"load": end}, frozenset({"load"}))


@pytest.mark.parametrize(("load", "end"), [(-0.1, 0.0), (1.1, 1.0)])
def test_a_tenth_beyond_the_range_is_not_lost(load: float, end: float) -> None:
    assert SUPPORT.outside({"load": load}) == ({"load": end}, frozenset())


@pytest.mark.parametrize("load", [0.0, 1.0, None, "high", math.nan])
def test_what_is_no_number_lies_outside_nothing(load: float | str | None) -> None:
    assert SUPPORT.outside({"load": load}) == ({}, frozenset())


@given(
    rows=st.lists(
        st.tuples(st.integers(1, 64), st.integers(1, 99)),
        unique_by=lambda row: row[0],
        max_size=12,
    ),
    action=st.integers(1, 64),
)
def test_counting_agrees_with_looking_at_every_row(
    rows: list[tuple[int, int]], action: int
) -> None:
    counted = tuple(sorted((float(a), n) for a, n in rows))
    support = Support(column=None, counts={"": counted}, ranges={})

    near = sum(n for a, n in counted if action * 0.75 <= a <= action * 1.25)

    assert support.rows_near(Problem.of("size", [action])).tolist() == [near]


def test_json_is_read_back_and_damaged_json_is_refused() -> None:
    written = SUPPORT.to_json()

    assert Support.from_json(written) == SUPPORT
    for broken in ({}, {**written, "counts": [1]}, {**written, "near": "wide"}):
        with pytest.raises(SchemaError, match="support"):
            Support.from_json(broken)
