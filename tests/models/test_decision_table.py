from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from toolkit.bundle import Column, FeatureSchema
from toolkit.errors import UsageError
from toolkit.models import DecisionTable
from toolkit.models.decision_table import cell_log_cost, pooled_noise
from toolkit.policies import Floats, Problem
from toolkit.policies.rules import ConstantPolicy

START = datetime(2026, 1, 5, tzinfo=UTC)


def made(problems: int = 3) -> DecisionTable:
    """Two actions, four repeats each: the second costs half of the first."""
    runs: list[tuple[Floats, ...]] = []
    for place in range(problems):
        first = np.array([[2.0 + place, 1.0]] * 4)
        runs.append((first, np.array([[1.0 + place / 2, 1.0]] * 4)))
    return DecisionTable(
        name="t",
        cost="s",
        schema=FeatureSchema(
            context=(Column(name="load"),), action=(Column(name="size"),)
        ),
        problems=tuple(
            Problem.of("size", [1, 4], load=float(place)) for place in range(problems)
        ),
        log_costs=tuple(np.array([cell_log_cost(cell) for cell in c]) for c in runs),
        groups=tuple("abc"[place % 3] for place in range(problems)),
        names=tuple(map(str, range(problems))),
        rules=(0,) * problems,
        weights=(np.full(2, 4.0),) * problems,
        axes=(0,),
        runs=tuple(runs),
        repeats=((np.arange(4), np.arange(4)),) * problems,
        latest=tuple(START + timedelta(days=place) for place in range(problems)),
        outcomes={"p95_s": tuple(np.full(2, float(p)) for p in range(problems))},
    )


def test_part_of_a_table_keeps_everything_of_its_problems() -> None:
    part = made().of_groups(["b", "none"])

    assert (part.names, part.groups) == (("1",), ("b",))
    assert part.outcomes["p95_s"][0].tolist() == [1.0, 1.0]
    assert len(part.runs) == len(part.repeats) == len(part.latest) == 1


def test_what_began_after_a_moment_is_kept() -> None:
    assert made().after(START).names == ("1", "2")
    assert made().after(START + timedelta(days=9)).names == ()


def test_another_rule_changes_what_answers_are_compared_with() -> None:
    assert made().with_rule(ConstantPolicy(5.0)).rules == (1, 1, 1)


def test_slowdowns_are_graded_on_repeats_that_did_not_name_the_best() -> None:
    table = made(1)
    noisy = (
        np.array([[1.0, 1], [9.0, 1], [1.0, 1], [9.0, 1]]),
        np.array([[3.0, 1], [3.0, 1], [3.0, 1], [3.0, 1]]),
    )
    table = replace(table, runs=(noisy,))

    # even repeats name the first action (1 against 3), odd ones the second (9 against 3)
    lost = np.log(3) / 2
    assert table.log_slowdowns(0).tolist() == pytest.approx([-lost, -lost])
    floor = table.noise_floor(0)
    assert floor is not None
    assert floor == pytest.approx(np.log(3))


def test_a_table_without_repeats_has_no_noise_floor() -> None:
    table = replace(made(), runs=(), repeats=())

    assert table.noise_floor(0) is None
    assert table.log_slowdowns(0).min() == 0


def test_halves_leave_out_what_achieved_nothing() -> None:
    table = made(1)
    (first, second) = table.runs[0]
    nothing = np.array([[1.0, 0.0]] * 4)
    three = replace(
        table,
        problems=(Problem.of("size", [1, 4, 8], load=0.0),),
        runs=((first, second, nothing),),
    )

    one, other = three.halves(0)

    assert one.problems[0].labels == other.problems[0].labels == ("1", "4")


def test_the_cost_of_a_cell_is_a_ratio_of_sums() -> None:
    assert cell_log_cost(np.array([[2.0, 1.0], [4.0, 2.0]])) == pytest.approx(np.log(2))
    assert cell_log_cost(np.array([[2.0, 0.0]])) == np.inf


def test_noise_is_pooled_over_cells_with_repeats() -> None:
    alike = np.array([[1.0, 1.0], [1.0, 1.0]])
    apart = np.array([[1.0, 1.0], [3.0, 1.0]])

    assert pooled_noise([alike]) == 0
    assert pooled_noise([alike, apart]) == pytest.approx(0.25)
    assert pooled_noise([apart[:1]]) is None


def test_a_table_that_was_not_made_of_records_has_none() -> None:
    with pytest.raises(UsageError, match="not made of records"):
        _ = made().records
