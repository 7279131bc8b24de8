from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from toolkit.records.codegen import compile_check, compile_known, compile_row


@dataclass(frozen=True)
class PositiveRule:
    """A rule of positive whole numbers."""

    name: str
    optional: bool = False

    def quick_test(self, value: str) -> str:
        return f"type({value}) is not whole or {value} <= 0"

    def look(self, value: Any) -> None:
        if value != "looked at":  # what the quick test doubts may be right after all
            raise ValueError(f"{self.name} is {value!r}")


@dataclass(frozen=True)
class Pair:
    size: Any
    failed: Any = None
    kind: str = "pair"


RULES = [PositiveRule("size"), PositiveRule("failed", optional=True)]
NAMES = {"whole": int}


@pytest.fixture
def check() -> Callable[[Any], None]:
    return compile_check(RULES, NAMES)


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    return compile_row("pair", RULES, {"failed": None}, NAMES)


@pytest.mark.parametrize(
    ("pair", "wrong"),
    [(Pair(0), "size is 0"), (Pair(1, -1), "failed is -1"), (Pair(None), "None")],
)
def test_what_breaks_its_rule_is_refused_by_check_and_row(
    check: Callable[[Any], None],
    row: Callable[..., dict[str, Any]],
    pair: Pair,
    wrong: str,
) -> None:
    with pytest.raises(ValueError, match=wrong):
        check(pair)
    with pytest.raises(ValueError, match=wrong):
        row(size=pair.size, failed=pair.failed)


def test_an_optional_field_may_be_missing_and_a_doubt_may_be_cleared(
    check: Callable[[Any], None],
) -> None:
    check(Pair(1))
    check(Pair("looked at", "looked at"))


def test_a_row_is_what_is_known_of_its_record(
    row: Callable[..., dict[str, Any]],
) -> None:
    known = compile_known(RULES)

    assert list(row(size=2, failed=3).items()) == [
        ("kind", "pair"),
        ("size", 2),
        ("failed", 3),
    ]
    assert row(size=2) == known(Pair(2)) == {"kind": "pair", "size": 2}


def test_a_field_without_a_default_must_be_given_and_no_other(
    row: Callable[..., dict[str, Any]],
) -> None:
    with pytest.raises(TypeError, match="size"):
        row(failed=1)
    with pytest.raises(TypeError, match="sizes"):
        row(size=1, sizes=1)
