"""Bundles of format 1 decide as they did; what is neither format is refused."""

import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.bundle_factory import NOW, SHOWN, rewrite, small_bundle
from toolkit.bundle import SECTION, Bundle, Manifest, RungSpec, read_bundle
from toolkit.clock import VirtualClock
from toolkit.errors import BundleRefusedError, SchemaError, UsageError
from toolkit.policies import Value
from toolkit.runtime.advice import LadderAdvisor

TUNED = RungSpec(
    name="tuned rule",
    rule="batch_size_rule",
    parameters={"optimal_todoWrite": 9, "high_load": 0.7},
    evidence=SHOWN,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("bundle") / "b")


def as_format_one(value: dict[str, Any]) -> dict[str, Any]:
    """Take out of a manifest what format 1 did not have."""
    value["schema_version"] = 1
    del value["method"], value["support"]["near"], value["support"]["slack"]
    value["fallback"]["parameters"] = {}
    for rung in value["ladder"]:
        rung["parameters"] = {}
    stack = value["extra"][SECTION]
    for name in ("lengths", "noise", "stretch"):
        del stack["measurement_prior"][name]
    for name in ("knee", "most_knees", "least_badness", "widest", "normal"):
        del stack["intervals"][name]
    return value


def test_a_bundle_of_format_1_is_the_same_bundle(
    bundle: Bundle, tmp_path: Path
) -> None:
    old = tmp_path / "b"
    old.mkdir()
    for path in bundle.path.iterdir():
        (old / path.name).write_bytes(path.read_bytes())
    rewrite(old, as_format_one)
    context: dict[str, Value] = {"operation_type": "todoWrite", "load_cpu": 0.9}
    answers = [
        LadderAdvisor("batch_size", bundle=each, clock=VirtualClock(NOW)).decide(
            context
        )
        for each in (read_bundle(old), bundle)
    ]

    assert answers[0] == answers[1]


def test_a_tuned_rule_of_format_1_keeps_its_optimum(bundle: Bundle) -> None:
    value = as_format_one(deepcopy(bundle.manifest.to_json()))
    value["ladder"] = [{**TUNED.to_json(), "parameters": {"optimal_todoWrite": 9}}]

    (rung,) = Manifest.from_json(value).ladder
    assert rung.parameters["optimums"]["todoWrite"] == [5, 9, 20]


@pytest.mark.parametrize("field", ["near", "slack"])
def test_fields_of_two_formats_are_refused(bundle: Bundle, field: str) -> None:
    value = as_format_one(deepcopy(bundle.manifest.to_json()))
    value["support"][field] = 0.5

    with pytest.raises(SchemaError, match="not a field of format 1"):
        Manifest.from_json(value)


@pytest.mark.parametrize("value", [{}, {"support": []}, {"fallback": 3}])
def test_what_only_says_that_it_is_format_1_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="not a manifest of format 1"):
        Manifest.from_json({"schema_version": 1, **value})


MISFITS: dict[str, Any] = {
    "another action": ["agents"],
    "two actions": ["size", "width"],
    "places of another": ["size", "below_largest:width"],
    "places in another order": ["size", "above_smallest:size", "below_largest:size"],
}


@pytest.mark.parametrize("names", MISFITS.values(), ids=MISFITS)
def test_parts_that_do_not_fit_each_other_are_refused_on_reading(
    bundle: Bundle, tmp_path: Path, names: list[str]
) -> None:
    copy = tmp_path / "b"
    copy.mkdir()
    for path in bundle.path.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())

    def rename(value: dict[str, Any]) -> None:
        columns = value["feature_schema"]["action"]
        for place, name in enumerate(names):
            columns[place]["name"] = name

    rewrite(copy, rename)

    with pytest.raises(BundleRefusedError, match=r"action|actions"):
        read_bundle(copy)


def test_a_context_of_another_kind_is_the_callers_error(bundle: Bundle) -> None:
    advisor = LadderAdvisor("batch_size", bundle=bundle, clock=VirtualClock(NOW))

    with pytest.raises(SchemaError, match="`operation_bytes`"):
        advisor.decide({"operation_type": "todoWrite", "operation_bytes": "many"})


@pytest.mark.parametrize("action", [0.0, -1.0, math.nan, math.inf])
def test_actions_without_a_logarithm_are_the_callers_error(
    bundle: Bundle, action: float
) -> None:
    advisor = LadderAdvisor("batch_size", bundle=bundle, clock=VirtualClock(NOW))

    with pytest.raises(UsageError, match="finite numbers above 0"):
        advisor.decide({"operation_type": "todoWrite"}, [1.0, action])
