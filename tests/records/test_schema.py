import json
import math
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given

from tests.records.records import a_batch, records
from toolkit.errors import SchemaError
from toolkit.records import KINDS, Batch, Record, Served, Turn, field_rules


@given(records())
def test_a_record_survives_its_json(record: Record) -> None:
    assert type(record).from_json(json.loads(json.dumps(record.to_json()))) == record


@given(records())
def test_what_is_not_known_is_not_written(record: Record) -> None:
    assert None not in record.to_json().values()


@given(records())
def test_a_row_is_what_the_object_knows(record: Record) -> None:
    given = {field.name: getattr(record, field.name) for field in fields(record)}
    row = type(record).row(**given)

    assert list(row.items()) == list(record.known().items())
    assert type(record).of_row(row) == record


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_says_who_when_and_how(kind: str) -> None:
    required = {r.name for r in field_rules(KINDS[kind]) if not r.optional}

    assert {"record_id", "at", "source", "provenance"} <= required


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 0),
        ("size", 2.0),
        ("size", True),
        ("size", "3"),
        ("size", None),
        ("cycle_s", -1.0),
        ("cycle_s", math.nan),
        ("cycle_s", math.inf),
        ("cycle_s", "1"),
        ("read_share", 1.1),
        ("censored", 1),
        ("session_id", "x" * 201),
        ("session_id", 5),
        ("provenance", "derived"),
        ("at", "2026-01-05"),
        ("at", datetime(2026, 1, 5)),  # noqa: DTZ001 - what is refused
        ("at", datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_value_outside_its_type_or_range_is_refused(field: str, value: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        a_batch(**{field: value})

    assert caught.value.field == field


def test_a_whole_number_may_stand_for_a_real_one() -> None:
    batch = a_batch(cycle_s=3)

    assert isinstance(batch, Batch)
    assert batch.cycle_s == 3


def test_a_zone_that_means_utc_is_utc() -> None:
    other = timezone(timedelta(0))
    batch = a_batch(at=datetime(2026, 1, 5, 12, tzinfo=other))

    assert batch.to_json()["at"] == "2026-01-05T12:00:00.000000+00:00"


@pytest.mark.parametrize("name", ["unknown_field", "kindd"])
def test_an_unknown_field_is_refused_by_name(name: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Batch.from_json({**a_batch().to_json(), name: 1})

    assert caught.value.field == name


@pytest.mark.parametrize("name", ["size", "record_id", "at"])
def test_a_missing_field_is_refused(name: str) -> None:
    row = a_batch().to_json()
    del row[name]

    with pytest.raises(SchemaError, match=name):
        Batch.from_json(row)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"succeeded": 1}, {"succeeded": 2}),
        ({"succeeded": 1, "size": 9}, {"succeeded": 1, "failed": 1}),
        ({"size": 2}, {"size": 3}),
        ({}, {"cycle_s": 1.0}),
        ({"cycle_s": 1.0}, {"turn_id": "t1"}),
    ],
)
def test_the_copy_that_saw_more_is_fuller(
    less: dict[str, Any], more: dict[str, Any]
) -> None:
    assert a_batch(**less).completeness < a_batch(**more).completeness


@pytest.mark.parametrize(
    ("written", "policy", "served"),
    [
        ("shadow:guarded", "guarded", Served.SHADOW),
        ("declined:guarded+explore", "guarded+explore", Served.DECLINED),
        ("guarded", "guarded", None),
    ],
)
def test_a_policy_of_version_1_is_split_from_what_became_of_it(
    written: str, policy: str, served: Served | None
) -> None:
    batch = Batch.from_json({**a_batch().to_json(), "policy": written})

    assert (batch.policy, batch.served) == (policy, served)


@pytest.mark.parametrize(
    "given",
    [
        {"numbers": {"memory_gib": math.inf}},
        {"numbers": {"memory_gib": "16"}},
        {"numbers": {"memory gib": 16.0}},
        {"numbers": {f"c{n}": 1.0 for n in range(33)}},
        {"categories": {"gpu": 4}},
        {"categories": {"gpu": "x" * 201}},
    ],
)
def test_a_declared_column_outside_its_type_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match=next(iter(given))):
        a_batch(**given)


def test_reasoning_is_a_part_of_the_output_and_not_counted_again() -> None:
    turn = KINDS["turn"].from_json(
        {
            "record_id": "t",
            "at": "2026-01-05T12:00:00+00:00",
            "source": "test",
            "provenance": "derived",
            "input_tokens": 1,
            "output_tokens": 8,
            "reasoning_tokens": 5,
        }
    )

    assert isinstance(turn, Turn)
    assert turn.tokens == 9


def test_a_batch_without_success_has_no_cost() -> None:
    batch = a_batch(cycle_s=3.0, succeeded=0)

    assert isinstance(batch, Batch)
    assert batch.cost_s is None
