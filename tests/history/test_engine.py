"""Limits of DuckDB: kept where they are given, and grown where they are ours."""

import duckdb
import pytest

from toolkit.cli.translation import translated
from toolkit.history import EngineLimits
from toolkit.history.engine import connect, within

FEW = EngineLimits(threads=1, memory="16MB", grows=True)
NUMBERS = 3_000_000


class Listing:
    """Holds some millions of numbers at once, which DuckDB cannot do on disk."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    def __call__(self, limits: EngineLimits) -> int:
        self.tried.append(limits.memory)
        with connect(limits) as connection:
            row = connection.execute(
                f"SELECT len(list(n)) FROM range({NUMBERS}) numbers(n)"  # noqa: S608 - our own number
            ).fetchone()
        return int(row[0]) if row else 0


def test_limits_of_ours_grow_until_the_work_is_done() -> None:
    listing = Listing()
    assert within(FEW, listing) == NUMBERS
    assert listing.tried[:2] == ["16MB", "32MB"]


def test_limits_that_were_given_hold_and_the_error_names_the_remedy() -> None:
    listing = Listing()
    with pytest.raises(duckdb.OutOfMemoryException) as caught:
        within(EngineLimits(threads=1, memory="16MB"), listing)
    assert listing.tried == ["16MB"]
    said = str(translated(caught.value))
    assert "needs more memory" in said
    assert "TOOLKIT_MEMORY" in said


class Failing:
    """Raises the same error each time."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.tried: list[str] = []

    def __call__(self, limits: EngineLimits) -> None:
        self.tried.append(limits.memory)
        raise self.error


def test_limits_grow_no_further_than_to_what_reading_may_use() -> None:
    never = Failing(duckdb.OutOfMemoryException("Out of Memory Error: no more"))
    with pytest.raises(duckdb.OutOfMemoryException):
        within(FEW, never)
    assert never.tried[-1] == "1024MB"


def test_other_errors_are_not_tried_again() -> None:
    fails = Failing(duckdb.CatalogException("no such table"))
    with pytest.raises(duckdb.CatalogException):
        within(FEW, fails)
    assert fails.tried == ["16MB"]
