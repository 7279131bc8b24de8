"""Records drawn by hypothesis: every kind, every field known or not."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from toolkit.records import ENUMS, KINDS, Provenance, Record, field_rules

__all__ = ["a_batch", "records"]

UNSAFE: Any = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Categories of characters that no record holds."""

NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,9}", fullmatch=True)


def a_batch(record_id: str = "b1", **fields: Any) -> Record:
    """One batch with what every batch needs, and what a test cares about."""
    return KINDS["batch"](
        **{
            "record_id": record_id,
            "at": datetime(2026, 1, 5, 12, tzinfo=UTC),
            "source": "test",
            "provenance": Provenance.DERIVED,
            "operation_type": "shell",
            "size": 1,
            **fields,
        }
    )


def _value(type_name: str, low: float, high: float) -> st.SearchStrategy[Any]:
    low, high = max(low, -1e9), min(high, 1e9)
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "str": st.text(st.characters(exclude_categories=UNSAFE), max_size=20),
        "int": st.integers(int(low), int(high)),
        "float": st.floats(low, high, allow_subnormal=False),
        "bool": st.booleans(),
        **{name: st.sampled_from(cls) for name, cls in ENUMS.items()},
        "Mapping[str, float]": st.dictionaries(
            NAMES, st.floats(-1e9, 1e9, allow_subnormal=False), max_size=3
        ),
        "Mapping[str, str]": st.dictionaries(
            NAMES,
            st.text(st.characters(exclude_categories=UNSAFE), max_size=20),
            max_size=3,
        ),
        "datetime": st.datetimes(
            datetime(2020, 1, 1),  # noqa: DTZ001 - as hypothesis wants it
            datetime(2030, 1, 1),  # noqa: DTZ001 - as hypothesis wants it
            timezones=st.just(UTC),
        ),
    }
    return strategies[type_name]


@st.composite
def records(
    draw: st.DrawFn, kind: str | None = None, ids: st.SearchStrategy[str] | None = None
) -> Record:
    """Draw a record of any kind, or of one."""
    cls = KINDS[kind or draw(st.sampled_from(sorted(KINDS)))]
    fields: dict[str, Any] = {}
    for rule in field_rules(cls):
        value = _value(rule.type_name, rule.low, rule.high)
        fields[rule.name] = draw(st.none() | value if rule.optional else value)
    if ids is not None:
        fields["record_id"] = draw(ids)
    return cls(**fields)
