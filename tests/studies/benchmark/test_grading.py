"""The benchmark: what it grades, that it cannot cheat, and that it resumes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.decision_tables import table
from tests.shared import DECISIONS, needs_decisions
from tests.studies.benchmark.leakage import (
    Decide,
    Taken,
    leaking_lines,
    require_no_leak,
)
from toolkit.errors import GateRefusedError, InputDataError
from toolkit.experiments.evaluation import (
    ConstantGrades,
    log_slowdowns,
)
from toolkit.experiments.tables import (
    read_decision_tables,
)
from toolkit.models import DecisionTable
from toolkit.policies import Problem
from toolkit.policies.rules import TableRule
from toolkit.studies.benchmark import (
    BUDGETS,
    OURS,
    BenchSettings,
    TableGrades,
    few_shot,
    graded,
    plot_report,
    report,
)
from toolkit.studies.benchmark.calibration import (
    _row_calibration,
    calibration_figures,
)
from toolkit.studies.benchmark.decisions import decide_group
from toolkit.studies.benchmark.figures import _rounded, compare_lines
from toolkit.studies.benchmark.grading import grade_table

QUICK = BenchSettings(seed=0, quick=True, created_at=datetime(2026, 1, 1, tzinfo=UTC))


def silent(_line: str) -> None:
    """Say nothing."""


def bench_decisions(held: DecisionTable, group: str) -> list[list[Taken]]:
    """Every decision of the benchmark, with what it measured."""
    made = decide_group(held, group, QUICK)
    lines = [line for line in made.choices if not line.startswith("own runs only")]
    return [
        [
            Taken(
                line=line,
                action=made.choices[line][place],
                measured=_measured(line, made.measured[place]),
            )
            for line in lines
        ]
        for place in range(len(made.choices[OURS]))
    ]


def _measured(line: str, order: Sequence[int]) -> tuple[int, ...]:
    runs = next((k for k in BUDGETS if line == few_shot(OURS, k)), 0)
    return tuple(order[:runs])


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> DecisionTable:
    return table(tmp_path_factory.mktemp("tables"), groups=4, problems=5)


@pytest.fixture(scope="module")
def grades(held: DecisionTable) -> TableGrades:
    return grade_table(held, QUICK, silent)


@pytest.mark.slow
def test_no_decision_of_the_benchmark_reads_an_unmeasured_cost(
    held: DecisionTable,
) -> None:
    leaking = leaking_lines(held, "g1", bench_decisions, np.random.default_rng(0))

    assert leaking == []


def centred_by_own_costs(held: DecisionTable, group: str) -> list[list[Taken]]:
    """A planted leak: actions are filtered by the problem's own mean cost."""
    mine = held.of_groups([group])
    return [
        [Taken(line="filter", action=int(np.argmax(costs < costs.mean())))]
        for costs in mine.log_costs
    ]


def best_constant_of_all(held: DecisionTable, group: str) -> list[list[Taken]]:
    """A planted leak: the constant is chosen with the held-out group included."""
    everything = ConstantGrades.of(held)
    best = everything.best(np.array([other == group for other in held.groups]))
    chosen = everything.choices[best]
    return [
        [Taken(line="constant", action=int(chosen[place]))]
        for place, other in enumerate(held.groups)
        if other == group
    ]


@pytest.mark.parametrize("leak", [centred_by_own_costs, best_constant_of_all])
def test_a_planted_leak_is_caught(held: DecisionTable, leak: Decide) -> None:
    with pytest.raises(GateRefusedError, match="never measured"):
        require_no_leak(held, "g1", leak, np.random.default_rng(0))


def test_a_line_that_peeks_beyond_its_measurements_is_named(
    held: DecisionTable,
) -> None:
    def decide(given: DecisionTable, group: str) -> list[list[Taken]]:
        return [
            [
                Taken(line="honest", action=0, measured=(0,)),
                Taken(line="peeking", action=int(costs.argmin()), measured=(0,)),
            ]
            for costs in given.of_groups([group]).log_costs
        ]

    leaking = leaking_lines(held, "g2", decide, np.random.default_rng(0))

    assert leaking == ["peeking"]


def test_the_oracle_is_never_beaten(grades: TableGrades) -> None:
    assert min(min(values) for values in grades.regrets.values()) >= 0


def test_more_own_runs_never_end_above_the_range(grades: TableGrades) -> None:
    assert max(max(values) for values in grades.normalised.values()) <= 1 + 1e-9


def test_our_choice_beats_chance(grades: TableGrades) -> None:
    assert np.mean(grades.regrets[OURS]) < np.mean(grades.regrets["random"]) / 2


def test_four_own_runs_beat_none(grades: TableGrades) -> None:
    after = np.mean(grades.regrets[few_shot(OURS, 4)])

    assert after <= np.mean(grades.regrets[OURS])


def test_confidence_is_a_probability(grades: TableGrades) -> None:
    assert all(0 <= value <= 1 for value in grades.confidence)


def test_hindsight_is_the_best_of_the_constants(grades: TableGrades) -> None:
    hindsight = np.mean(grades.regrets["best constant in hindsight"])

    assert hindsight <= np.mean(grades.regrets["best constant"]) + 1e-12


def test_a_finished_table_is_read_back(tmp_path: Path, held: DecisionTable) -> None:
    first = list(graded([held], QUICK, tmp_path, silent))
    said: list[str] = []

    second = list(graded([held], QUICK, tmp_path, said.append))

    assert (first, "read back" in said[0]) == (second, True)


def test_other_costs_are_graded_anew(tmp_path: Path, held: DecisionTable) -> None:
    list(graded([held], QUICK, tmp_path, silent))
    other = held.with_log_costs(costs * 1.1 for costs in held.log_costs)

    list(graded([other], QUICK, tmp_path, silent))

    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_broken_result_is_refused(tmp_path: Path, held: DecisionTable) -> None:
    list(graded([held], QUICK, tmp_path, silent))
    next(tmp_path.glob("*.json")).write_text("{}")

    with pytest.raises(InputDataError, match="remove the file"):
        list(graded([held], QUICK, tmp_path, silent))


def test_the_report_is_json_with_every_line(grades: TableGrades) -> None:
    figures = json.loads(json.dumps(report([grades], seed=0), allow_nan=False))

    assert set(grades.regrets) == set(figures["tables"][0]["lines"])


def test_a_table_of_four_groups_claims_no_win(grades: TableGrades) -> None:
    verdicts = {
        found["verdict"]
        for found in report([grades], seed=0)["tables"][0]["comparisons"]
    }

    assert verdicts <= {"tie", "not shown"}


@pytest.mark.parametrize("bound", [float("inf"), float("nan")])
def test_a_bound_that_few_groups_cannot_give_is_absent(bound: float) -> None:
    assert _rounded(bound) is None


def compared(mine: float, other: float) -> str:
    rng = np.random.default_rng(1)
    groups = [f"g{place % 8}" for place in range(80)]
    noise = rng.normal(0, 0.01, 80)
    made = TableGrades(
        name="t",
        cost="c",
        seed=0,
        groups=groups,
        regrets={"a": (noise + mine).tolist(), "b": [other] * 80},
        normalised={},
        confidence=[],
        covered=[],
        half_width=[],
    )
    return compare_lines([made], "a", "b", np.random.default_rng(0)).verdict


@pytest.mark.parametrize(
    ("mine", "verdict"), [(0.1, "win"), (0.5, "loss"), (0.29, "tie"), (0.3, "tie")]
)
def test_a_verdict_needs_more_than_the_noise_of_replicates(
    mine: float, verdict: str
) -> None:
    assert compared(mine, 0.3) == verdict


def test_the_report_is_drawn(tmp_path: Path, grades: TableGrades) -> None:
    plot_report(report([grades], seed=0), tmp_path / "bench.svg")

    assert (tmp_path / "bench.svg").read_text().count("<path") > 10


def test_records_are_drawn_where_they_were_measured(
    tmp_path: Path, grades: TableGrades
) -> None:
    figures = report([grades], seed=0)
    measured = {"table": "t", "cost": "c", "slowdowns": {"24": 1.3, "48": 1.2}}

    plot_report({**figures, "sample_efficiency": [measured]}, tmp_path / "bench.svg")

    assert "records of other groups" in (tmp_path / "bench.svg").read_text()


def test_the_rows_are_those_of_the_first_seed(grades: TableGrades) -> None:
    figures = report([grades, replace(grades, seed=1)], seed=0)

    assert (len(figures["tables"]), len(figures["by_seed"])) == (1, 2)


def test_a_table_on_which_ours_loses_to_the_rule_is_listed(
    grades: TableGrades,
) -> None:
    worse = [value + 0.1 for value in grades.regrets["rule"]]
    lost = replace(grades, regrets={**grades.regrets, OURS: worse})

    promises = report([lost], seed=0)["broken_promises"]

    assert promises[0]["promise"] == "no worse than rule and constant"


def test_wider_intervals_hold_more(grades: TableGrades) -> None:
    points = report([grades], seed=0)["calibration"]["trade_off"]

    assert (np.diff([p["coverage_over_groups"] for p in points]) >= 0).all()


def of_six_groups(grades: TableGrades, problems: int, stated: float) -> TableGrades:
    """Six groups, in which the stated probability is right."""
    won = np.arange(6 * problems) % 10 < 10 * stated
    return replace(
        grades,
        groups=[f"g{i % 6}" for i in range(6 * problems)],
        confidence=[stated] * (6 * problems),
        regrets={"rule": [0.1] * len(won), OURS: np.where(won, 0.0, 0.2).tolist()},
    )


def test_a_table_of_few_groups_has_no_calibration_of_its_own(
    grades: TableGrades,
) -> None:
    few = replace(grades, groups=["a", "b"] * (len(grades.groups) // 2))

    assert calibration_figures([few])["rows"] == []


def test_a_perfect_forecaster_is_further_off_where_there_are_fewer_problems(
    grades: TableGrades,
) -> None:
    small, large = (of_six_groups(grades, problems, 0.7) for problems in (2, 50))

    few, many = (_row_calibration(each) for each in (small, large))

    assert many["expected_calibration_error"] < 0.01
    one_by_one = [each["of_a_perfect_forecaster"]["one_by_one"] for each in (few, many)]
    assert one_by_one[0]["mean"] > 0.08 > 0.05 > one_by_one[1]["mean"]
    assert one_by_one[0]["share_above_target"] > 0.1
    assert one_by_one[1]["share_above_target"] == 0


def test_luck_that_a_group_shares_makes_a_perfect_forecaster_look_worse(
    grades: TableGrades,
) -> None:
    found = _row_calibration(of_six_groups(grades, 50, 0.7))["of_a_perfect_forecaster"]

    assert found["groups_together"]["mean"] > 2 * found["one_by_one"]["mean"]


def test_three_runs_are_held_against_history_and_runs_alone(
    grades: TableGrades,
) -> None:
    row = report([grades], seed=0)["three_own_runs"][0]

    assert row["at_least_as_good"] == (
        row["history_and_runs"] <= min(row["history_alone"], row["runs_alone"])
    )


def test_the_guarded_line_is_the_rules_or_ours(grades: TableGrades) -> None:
    lines = zip(
        grades.regrets["guarded"],
        grades.regrets[OURS],
        grades.regrets["rule"],
        strict=True,
    )

    assert all(guarded in (ours, rule) for guarded, ours, rule in lines)


def test_the_rule_takes_the_batch_nearest_to_ten() -> None:
    problem = Problem.of("a_b", [2.0, 3.0, 4.0])

    assert TableRule().decide(problem).index == 1


def test_the_rule_takes_the_agent_formula_where_tasks_are_known() -> None:
    problem = Problem.of("a_n", [0.0, 2.0, 3.0, 3.585], x_N=6.0, x_par=2.0)

    assert TableRule().decide(problem).index == 3


def test_a_table_without_a_rule_takes_the_middle() -> None:
    assert TableRule().decide(Problem.of("a_depth", [0.0, 1.0, 2.0])).index == 1


def test_a_slowdown_is_measured_against_the_problems_own_best(
    held: DecisionTable,
) -> None:
    chosen = [int(costs.argmin()) for costs in held.log_costs]

    assert log_slowdowns(held, chosen).max() == 0.0


@needs_decisions
@pytest.mark.slow
def test_the_rules_of_the_data_sheet_are_reproduced() -> None:
    found = {
        each.title: float(np.expm1(log_slowdowns(each, list(each.rules)).mean()))
        for each in read_decision_tables(DECISIONS)
    }

    shown = {
        title: round(100 * found[title], 1)
        for title in ("scout_workers, knee", "wf_workers, knee", "zeus_batch, energy")
    }

    assert shown == {
        "scout_workers, knee": 161.6,
        "wf_workers, knee": 92.8,
        "zeus_batch, energy": 342.6,
    }
