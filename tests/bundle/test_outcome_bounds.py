"""Constraints of a bundle: what is written, refused, permitted, and served."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bundle_factory import NOW, SIZES, manifest_of, small_bundle, small_lesson
from toolkit.bundle import (
    CONSTRAINTS,
    SECTION,
    AdviceTable,
    Bundle,
    Manifest,
    OutcomeBound,
    OutcomeBounds,
)
from toolkit.cli.model import advice
from toolkit.clock import VirtualClock
from toolkit.errors import SchemaError
from toolkit.policies import Problem, Value
from toolkit.runtime import Advisor
from toolkit.runtime.advice import LadderAdvisor

KNOWN: dict[str, Value] = {
    "operation_type": "fileOperations",
    "load_cpu": 0.5,
    "operation_bytes": 1000.0,
}


def bounds(at_most: float = 30.0, *, margin: float | None = 2.0) -> OutcomeBounds:
    """A duration of 4 s an operation at half load, twice as long at full load."""
    centre = (0.5, 0.5, 0.5, float(np.log1p(1000)))
    return OutcomeBounds(
        sizes=True,
        margin=margin,
        groups=24,
        outcomes=(
            OutcomeBound(
                name="p95_s",
                at_most=at_most,
                probability=0.9,
                intercept=float(np.log(4)),
                centre=centre,
                spread=(0.5, 0.5, 0.3, 1.0),
                action_centre=(0.0,),
                slope=(
                    0.0,
                    0.0,
                    2 * float(np.log(2)),
                    0.0,
                    float(np.log(2)),
                    *[0.0] * 5,
                ),
                deviation=0.1,
            ),
        ),
    )


def constrained(folder: Path, made: OutcomeBounds, **changed: Any) -> Bundle:
    extra = {SECTION: small_lesson().section.to_json(), CONSTRAINTS: made.to_json()}
    return small_bundle(folder, extra=extra, **changed)


def ask(bundle: Bundle, **context: Value) -> Any:
    return bundle.policy().decide(Problem.of("size", SIZES, **{**KNOWN, **context}))


def test_a_manifest_with_constraints_is_of_the_version_that_others_refuse() -> None:
    plain = manifest_of()
    made = replace(plain, extra={**plain.extra, CONSTRAINTS: bounds().to_json()})

    assert (plain.to_json()["schema_version"], made.to_json()["schema_version"]) == (
        2,
        3,
    )
    assert OutcomeBounds.from_json(made.extra[CONSTRAINTS]) == bounds()


@pytest.mark.parametrize("version", [2, 3])
def test_constraints_and_version_belong_together(version: int) -> None:
    value = manifest_of().to_json() | {"schema_version": version}
    if version == 2:
        value["extra"] = {**value["extra"], CONSTRAINTS: bounds().to_json()}

    with pytest.raises(SchemaError, match="exactly where it has constraints"):
        Manifest.from_json(json.loads(json.dumps(value)))


@pytest.mark.parametrize(
    ("field", "value"),
    [("at_most", 0), ("probability", 1), ("slope", [0.0]), ("deviation", 0)],
)
def test_a_section_that_cannot_be_meant_is_refused(field: str, value: object) -> None:
    section = bounds().to_json()
    section["outcomes"][0][field] = value
    made = manifest_of()
    written = replace(made, extra={**made.extra, CONSTRAINTS: section}).to_json()

    with pytest.raises(SchemaError, match=field):
        Manifest.from_json(json.loads(json.dumps(written)))


def test_only_actions_whose_bound_is_within_the_limit_are_taken(tmp_path: Path) -> None:
    bundle = constrained(tmp_path / "b", bounds())

    calm, busy = ask(bundle, load_cpu=0.5), ask(bundle, load_cpu=1.0)

    # 4 s times the size, doubled at full load, times exp(2 * 0.1), within 30 s
    assert [s for s, ok in zip(SIZES, calm.allowed, strict=True) if ok] == [1, 2, 4, 6]
    assert [s for s, ok in zip(SIZES, busy.allowed, strict=True) if ok] == [1, 2]
    assert calm.action[0] <= 6
    assert busy.action[0] <= 2


def test_the_cheapest_permitted_action_is_taken_by_the_model(tmp_path: Path) -> None:
    bundle = constrained(tmp_path / "b", bounds())
    answer = ask(bundle, load_cpu=0.2)

    costs = np.where(answer.allowed, answer.curve.log_cost, np.inf)
    assert answer.rung == "learned"
    assert answer.index == int(costs.argmin())
    assert answer.reason.code == "constraint_binds"


def test_a_number_that_is_not_known_widens_the_bound(tmp_path: Path) -> None:
    bundle = constrained(tmp_path / "b", bounds())

    known, unknown = ask(bundle), ask(bundle, load_cpu=None)

    assert known.allowed.sum() > unknown.allowed.sum()


def test_nothing_is_permitted_without_history_or_without_a_margin(
    tmp_path: Path,
) -> None:
    bundle = constrained(tmp_path / "b", bounds())
    nothing = constrained(tmp_path / "n", bounds(margin=None))

    for answer in (ask(bundle, operation_type="never seen"), ask(nothing)):
        assert not answer.allowed.any()
        assert answer.reason.code == "constraint_not_kept"
        assert "bound" not in answer.reason.facts
        assert answer.label == "1"


def test_the_advisor_keeps_it_whatever_own_batches_cost(tmp_path: Path) -> None:
    advisor = Advisor(constrained(tmp_path / "b", bounds()), clock=VirtualClock(NOW))

    for _ in range(40):  # larger batches look ever cheaper
        answer = advisor.decide(**KNOWN)
        assert answer.action <= 6
        advisor.observe(answer, cycle_s=10.0 / answer.action, succeeded=answer.action)


def test_exploring_draws_only_what_is_permitted(tmp_path: Path) -> None:
    advisor = Advisor(
        constrained(tmp_path / "b", bounds()),
        clock=VirtualClock(NOW),
        explore=1.0,
        rng=np.random.default_rng(0),
    )

    drawn = [advisor.decide(**KNOWN) for _ in range(200)]

    assert {answer.action for answer in drawn} <= {1, 2, 4, 6}
    assert len({answer.action for answer in drawn}) > 1
    assert all(0 < answer.propensity <= 1 for answer in drawn)


def test_the_rule_of_an_expired_bundle_is_bound(tmp_path: Path) -> None:
    bundle = constrained(tmp_path / "b", bounds())
    later = VirtualClock(NOW + timedelta(days=60))
    answer = LadderAdvisor("batch_size", bundle=bundle, clock=later).decide(KNOWN)

    assert (answer.baseline, answer.label) == ("8", "6")
    assert answer.reason.code == "bundle_expired"
    assert answer.reason.facts["constraint_binds"] == "p95_s"


def test_the_table_of_a_hook_holds_only_what_is_permitted(tmp_path: Path) -> None:
    bundle = constrained(
        tmp_path / "b", bounds(), expires_at=NOW + timedelta(days=36_500)
    )
    table = AdviceTable.loads(advice.advice_of(bundle.path)["advice.json"])
    advisor = LadderAdvisor("batch_size", bundle=bundle, clock=VirtualClock(NOW))

    checked = 0
    for key, cell in table.cells.items():
        kind, bin_ = key.split("|")
        (axis,) = table.axes
        ends = axis.ends(bin_, (0.0, 1.0))
        loads = (
            [None] if not ends else [*ends, *np.linspace(ends[0], ends[-1], 7).tolist()]
        )
        kept = {int(size) for size in SIZES}
        for load in loads:  # anywhere in the bin
            found = advisor.decide({"operation_type": kind, "load_cpu": load}).allowed
            assert found is not None
            kept &= {int(s) for s, ok in zip(SIZES, found, strict=True) if ok}
        assert set(cell.sizes) <= kept
        assert cell.size in kept or cell.reason == "constraint_not_kept"
        checked += bool(kept)
    assert checked
