from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.bundle_factory import NOW, SIZES, manifest_of
from toolkit.bundle import Manifest
from toolkit.errors import SchemaError


def changed(path: str, value: Any) -> dict[str, Any]:
    """A good manifest as JSON with one value replaced; `a.b` goes down."""
    document = manifest_of().to_json()
    *above, last = path.split(".")
    holder: Any = document
    for name in above:
        holder = holder[int(name) if name.isdigit() else name]
    holder[int(last) if last.isdigit() else last] = value
    return document


BAD: dict[str, list[Any]] = {
    "actions": [[-5.0], [0.0], [float("nan")], [1e308], [3.7], [21.0], [4.0, 2.0], "x"],
    "guard_level": [0, 0.49, 1.1, True, "0.9", None, 10**400],
    "conformal.level": [0, 1, -1],
    "conformal.low": [0.2, 1e9, float("inf")],
    "conformal.differences": [
        [-1e9] * 5,
        [-0.9, -0.8, -0.7, -0.6, -0.5],
        [0.1, 0.0, 0.0, 0.1, 0.1],
        [0.0, 0.1],
    ],
    "conformal.probabilities": [[0.1] * 5, [0.5, 0.4, 0.3, 0.2, 0.1], [0, 1, 2, 3, 4]],
    "adaptation_every": [0, 2.5],
    "adaptation_rate": [-0.1, 2],
    "minimum_support": [0, -1, float("nan")],
    "support.counts": [{"x": [[2, 1], [1, 1]]}, {"x": [[1]]}, [1]],
    "support.ranges": [{"load_cpu": [1, 0]}, {"load_cpu": [0]}],
    "fallback.rule": ["agent_count_rule", "nope"],
    "fallback.constant": [3.7, 0, 100],
    "fallback.parameters": [{"shrink": 0}, {"fewest": 3}, {"nope": 1}],
    "decision": ["agent_count", "x", [], {}],
    "name": ["", "a\nb", "\x1b]0;t\x07", "x" * 101, 3],
    "version": ["", "../1", "a b"],
    "created_at": [
        *("2026-01-05", "x", 3, "0001-01-01T00:00:00+14:00", "2026-01-05T00:00Z"),
        *("2026-W02-1T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-05T00:00:00+24:00"),
    ],
    "expires_at": ["2020-01-01T00:00:00+00:00"],
    "feature_schema.context.0.kind": ["x"],
    "feature_schema.context.0.name": ["load_cpu", "a\x1bb"],
    "feature_schema.action.0.name": ["x", "agents"],
    "support.column": ["nope", 3, "load_cpu"],
    "training": [{"a": float("inf")}, {"a": [[[[[[[1]]]]]]]}, {"a": list(range(5000))}],
    "files": [{"../x": "0" * 64}, {"x": "0"}, {"x": "g" * 64}],
    "extra": [{"workflow": {}}, {"workflow": {"price_exponent": 2}}],
    "schema_version": [1, 3, True, "2"],
    "method.nearest": ["difference"],
    "method.decimals": [6, True],
    "support.near": [-0.1, 2],
    "support.slack": [-1],
    "fallback.parameters.optimums": [{"x": [3, 2, 5]}, {"x": [0, 1, 2]}, {"x": [1]}],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [(path, value) for path, values in BAD.items() for value in values],
    ids=lambda each: str(each)[:30].encode("unicode_escape").decode(),
)
def test_a_value_that_may_not_be_there_is_refused(path: str, value: Any) -> None:
    with pytest.raises(SchemaError):
        Manifest.from_json(changed(path, value))


def test_a_missing_and_an_unknown_field_are_named() -> None:
    document = manifest_of().to_json()
    del document["guard_level"]

    with pytest.raises(SchemaError, match="`guard_level`: is missing"):
        Manifest.from_json(document)
    with pytest.raises(SchemaError, match="`guard`: unknown field"):
        Manifest.from_json({**manifest_of().to_json(), "guard": 1})


GOOD: dict[str, Callable[[], Manifest]] = {
    "as exported": manifest_of,
    "one action": lambda: manifest_of(actions=(20.0,)),
    "actions of each problem": lambda: manifest_of(actions=()),
    "long lived": lambda: manifest_of(expires_at=NOW + timedelta(days=3650)),
    "other section": lambda: manifest_of(extra={"notes": {"a": [1, "b", None]}}),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_manifest_survives_its_round_trip(name: str) -> None:
    manifest = GOOD[name]()

    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.actions == () or set(manifest.actions) <= set(SIZES)
