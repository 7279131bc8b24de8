from typing import Any

import pytest

from toolkit.bundle.json_rules import (
    Rule,
    array,
    aware_time,
    flag,
    mapping,
    number,
    one_of,
    optional,
    pair,
    parse,
    plain_name,
    section,
    text,
    tree,
    whole,
)
from toolkit.errors import SchemaError


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (number(0, 1), [0, 0.5, 1]),
        (whole(0, 9), [0, 3.0, 9]),
        (text(3), ["", "abc", "äöü"]),
        (plain_name(), ["model-1.2:x+y", "_a"]),
        (one_of("a", 2), ["a", 2]),
        (flag, [True, False]),
        (aware_time, ["2026-01-05T00:00:00Z", "2026-01-05T00:00:00.5+02:00"]),
        (array(number(), most=2), [[], [1, 2]]),
        (array(number(), most=3, order="rising"), [[1, 1, 2]]),
        (pair(number(), number(), rising=True), [[1, 1], [1, 2]]),
        (mapping(text(2), number(), most=1), [{}, {"a": 1}]),
        (optional(number()), [None, 1]),
        (tree(), [{"a": [1, "b", None, True]}]),
    ],
)
def test_what_a_field_may_hold_is_accepted(rule: Rule, good: list[Any]) -> None:
    for value in good:
        rule(value, "field")


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (number(0, 1), [-0.1, 1.1, True, "1", None, float("nan"), float("inf")]),
        (whole(0, 9), [0.5, 10]),
        (text(3), ["abcd", 3, "a\u0000", "\u202e"]),
        (text(3, least=1), [""]),
        (plain_name(), ["", ".hidden", "a/b", "a b", "a" * 101]),
        (one_of("a", 1), ["b", True, ["a"], None]),
        (flag, [0, 1, "true", None]),
        (aware_time, ["2026-01-05", "2026-01-05T00:00:00", "1999-01-05T00:00:00Z", 5]),
        (aware_time, ["2026-13-05T00:00:00Z", "2026-01-05T00:00:00.1234567Z"]),
        (array(number(), most=2), [[1, 2, 3], "ab", None, [1, "a"]]),
        (array(number(), most=3, order="ascending"), [[1, 1, 2]]),
        (array(number(), most=3, order="rising"), [[2, 1]]),
        (pair(number(), number(), rising=True), [[2, 1], [1], [1, 2, 3]]),
        (
            mapping(text(2), number(), most=1),
            [{"abc": 1}, {"a": "b"}, {"a": 1, "b": 2}],
        ),
        (tree(depth=2), [[[[1]]]]),
        (tree(most=3), [[1, 2, 3, 4]]),
        (tree(longest=3), [{"a": "abcd"}, {"abcd": 1}]),
    ],
)
def test_anything_else_is_refused_with_its_path(rule: Rule, bad: list[Any]) -> None:
    for value in bad:
        with pytest.raises(SchemaError, match="field"):
            rule(value, "field")


def test_a_section_names_what_is_missing_and_what_is_unknown() -> None:
    rule = section({"share": number(0, 1)}, may={"note": text(9)})

    rule({"share": 1}, "doc")
    rule({"share": 1, "note": "x"}, "doc")
    with pytest.raises(SchemaError, match=r"doc\.share"):
        rule({}, "doc")
    with pytest.raises(SchemaError, match=r"doc\.notes"):
        rule({"share": 1, "notes": "x"}, "doc")
    with pytest.raises(SchemaError, match="not an object"):
        rule([1], "doc")


def test_a_section_may_take_others_by_a_rule() -> None:
    rule = section({}, others=number(0, 1))

    rule({"anything": 0.5}, "doc")
    with pytest.raises(SchemaError, match="anything"):
        rule({"anything": 5}, "doc")


@pytest.mark.parametrize(
    "content", [b"[NaN]", b"[Infinity]", b"{", b"\xff", b"[" * 100_000]
)
def test_what_not_every_reader_parses_is_no_document(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no JSON|Expecting|decode|nested"):
        parse(content)
