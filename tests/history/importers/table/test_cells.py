from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from toolkit.errors import InputDataError
from toolkit.history.importers.table.cells import read_cell
from toolkit.history.importers.table.form import EXCEL_DAYS, MappedColumn
from toolkit.records import Batch, field_rules

RULES = {rule.name: rule for rule in field_rules(Batch)}
BERLIN = ZoneInfo("Europe/Berlin")


def read(value: Any, field: str, zone: ZoneInfo | None = None, **how: Any) -> Any:
    return read_cell(value, RULES[field], MappedColumn(column="c", **how), zone=zone)


@pytest.mark.parametrize("value", [None, float("nan"), "", "  ", "N/A", "NULL", "-"])
def test_what_says_nothing_is_missing_and_never_zero(value: Any) -> None:
    assert read(value, "cycle_s", missing=("-",)) is None


@pytest.mark.parametrize(
    ("value", "how", "number"),
    [
        (" 1.5 ", {}, 1.5),
        (Decimal("2.5"), {}, 2.5),
        ("1500", {"scale": 1e-3}, 1.5),
        ("1.234,5", {"thousands": ".", "decimal": ","}, 1234.5),
        ("40 %", {"unit": "percent", "scale": 0.01}, 0.4),
        ("-2e3", {}, -2000.0),
    ],
)
def test_numbers_are_read_as_the_map_says(
    value: Any, how: dict[str, Any], number: float
) -> None:
    assert read(value, "cycle_s", **how) == pytest.approx(number)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("12,5", 'write `decimal = ","`'),
        ("1,234.5", 'write `thousands = ","` in'),
        ("1.234,5", 'write `decimal = ","` and `thousands = "."` in'),
        ("1.234.567", 'write `decimal = ","` and `thousands = "."` in'),
        ("1 234,5", 'write `decimal = ","` and `thousands = " "` in'),
        ("1'234.5", """write `thousands = "'"` in"""),
        ("1,234", 'write `decimal = ","` in the map, .* `thousands = ","`'),
        ("40%", 'write `unit = "percent"`'),
        ("twelve", "not a number"),
        ("1e999", "not a finite number"),
        ("٣", "not a number"),
    ],
)
def test_a_number_in_another_form_is_refused_with_what_to_write(
    value: str, problem: str
) -> None:
    with pytest.raises(InputDataError, match=problem) as caught:
        read(value, "cycle_s")

    assert caught.value.field == "c"


@pytest.mark.parametrize("value", ["2.5 s", "0:02.5", "PT2.5S", "2.5.1", "a,b", "x%"])
def test_what_is_no_number_is_refused_without_advice_for_numbers(value: str) -> None:
    with pytest.raises(InputDataError, match=r"not a number$"):
        read(value, "cycle_s")


def test_a_count_is_whole_within_rounding() -> None:
    assert read("3.0000000001", "size") == 3
    with pytest.raises(InputDataError, match="not a whole number"):
        read("3.5", "size")


@pytest.mark.parametrize(
    ("value", "how"),
    [
        ("2026-01-05T12:30:00Z", {}),
        ("2026-01-05 12:30:00 UTC", {}),
        ("2026-01-05T13:30:00", {"zone": BERLIN}),
        ("20260105133000", {"zone": BERLIN}),
        ("05.01.2026 13:30", {"zone": BERLIN, "format": "%d.%m.%Y %H:%M"}),
        ("1767616200", {}),
        ("1767616200000", {}),
        (1767616200.0, {}),
        ("46027.520833333336", {"unit": EXCEL_DAYS, "zone": ZoneInfo("UTC")}),
        (datetime(2026, 1, 5, 13, 30, tzinfo=BERLIN), {}),
    ],
)
def test_one_moment_is_read_from_every_way_of_writing_it(
    value: Any, how: dict[str, Any]
) -> None:
    moment = read(value, "at", **how)

    assert abs((moment - datetime(2026, 1, 5, 12, 30, tzinfo=UTC)).total_seconds()) < 1
    assert moment.tzinfo is UTC


def test_a_date_is_its_first_moment_in_its_zone() -> None:
    assert read(date(2026, 1, 5), "at", zone=BERLIN) == datetime(
        2026, 1, 4, 23, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("2026-01-05T13:30:00", "a time without a zone"),
        ("46027", "a spreadsheet's day"),
        ("7", "not a time"),
        ("tomorrow", "not a time"),
        ("0026-01-05T13:30:00Z", "a time in the year 26"),
    ],
)
def test_a_time_that_is_not_plain_is_refused_and_never_guessed(
    value: str, problem: str
) -> None:
    with pytest.raises(InputDataError, match=problem):
        read(value, "at")


def test_mapped_values_stand_for_others_and_no_other_is_taken() -> None:
    values = {"ok": "true", "bad": "no"}

    assert read("ok", "censored", values=values) is True
    assert read("bad", "censored", values=values) is False
    with pytest.raises(InputDataError, match="not among the mapped values ok, bad"):
        read("good", "censored", values=values)


def test_a_flag_is_one_of_six_words() -> None:
    assert [read(word, "censored") for word in ("YES", "0", True)] == [
        True,
        False,
        True,
    ]
    with pytest.raises(InputDataError, match="neither true nor false"):
        read("2", "censored")
