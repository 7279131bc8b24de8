"""Claims about made-up tables and the promises kept on them."""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tests.shared import ROOT
from tests.thorough import sampled
from toolkit.cli.experiment.suite import add_verb
from toolkit.errors import InputDataError
from toolkit.policies import Floats
from toolkit.studies.benchmark import read_suite_spec, run_suite, suite_report
from toolkit.studies.benchmark.made_up import GRADING_SEEDS, made_up_table
from toolkit.studies.benchmark.suite import (
    NO_WORSE,
    NO_WORSE_THAN_ALONE,
    SuiteGrade,
    SuiteSpec,
)
from toolkit.studies.benchmark.suite import _graded as graded_parts


def grade(seed: int, **slowdowns: float) -> SuiteGrade:
    lines = {
        "rule": 1.5,
        "constant": 1.4,
        "ours": 1.2,
        "law known": 1.4,
        "ours, 3 own runs": 1.1,
        "own runs only, 3": 1.3,
    }
    return SuiteGrade(
        seed=seed,
        shape="smooth",
        history="helps",
        noise=0.0,
        groups=3,
        axes=1,
        actions=5,
        weight_of_constant=0.0,
        slowdowns=lines | slowdowns,
        errors={NO_WORSE: 0.01, NO_WORSE_THAN_ALONE: 0.01},
        graders={NO_WORSE: 100, NO_WORSE_THAN_ALONE: 100},
        covered=[0.95, 0.7],
        half_width=1.5,
    )


def test_a_seed_draws_the_same_table_twice() -> None:
    first, second = made_up_table(5), made_up_table(5)

    assert np.array_equal(first.table.rows().X, second.table.rows().X)
    assert np.array_equal(first.unseen.log_costs[0], second.unseen.log_costs[0])


@pytest.mark.parametrize("seed", range(6))
def test_a_table_lies_within_the_declared_ranges(seed: int) -> None:
    made = made_up_table(seed)

    assert 3 <= len(made.table.group_names) <= 12
    assert 3 <= len(made.unseen.log_costs[0]) <= 400
    assert made.noise == 0 or made.table.noise == pytest.approx(made.noise**2, rel=0.5)


def test_the_groups_that_grade_take_no_part_in_the_table() -> None:
    made = made_up_table(3)

    assert not set(made.table.groups) & set(made.unseen.groups)
    best = [costs.min() for costs in made.unseen.log_costs]
    assert min(best) >= 0
    assert made.unseen.runs == ()


def test_further_parts_hold_groups_of_their_own() -> None:
    made = made_up_table(5)

    first, second, third = islice(made.graders(5), 3)
    (again,) = islice(made.graders(5), 1, 2)

    assert first is made.unseen
    assert len(set(first.groups + second.groups + third.groups)) == 300
    assert not np.array_equal(second.log_costs, third.log_costs)
    assert np.array_equal(second.log_costs, again.log_costs)


@pytest.mark.parametrize("seed", sampled([3], whole=[3, 5, 8]))
def test_the_law_names_the_action_that_costs_less_on_many_groups(seed: int) -> None:
    made = made_up_table(seed)
    costs = np.concatenate(
        [np.array(part.log_costs) for part in islice(made.graders(seed), 5)]
    ).mean(axis=0)
    least, most = int(costs.argmin()), int(costs.argmax())

    assert made.cheaper(least, most, seed) == least
    assert made.cheaper(most, least, seed) == least


def parts(differences: Sequence[float]) -> Iterator[dict[str, Floats]]:
    spread = np.linspace(-1, 1, 100)
    for difference in differences:
        yield {"ours": difference + spread, "rule": np.zeros(100)}


def test_a_settled_promise_asks_no_more_groups() -> None:
    lost = graded_parts(parts([-2.0, 5.0, 5.0, 5.0]), "ours", ("rule",))

    assert lost["ours"].shape == (100,)


def test_a_promise_in_doubt_asks_twice_as_many_groups() -> None:
    lost = graded_parts(parts([0.02, 2.0, 5.0, 5.0]), "ours", ("rule",))
    to_the_end = graded_parts(parts([0.02] * 5), "ours", ("rule",))

    assert lost["ours"].shape == (200,)
    assert to_the_end["ours"].shape == (500,)


def test_one_opponent_that_is_better_settles_it() -> None:
    far = {"ours": np.full(100, 1.0), "rule": np.zeros(100), "constant": np.ones(100)}

    lost = graded_parts([far, far], "ours", ("rule", "constant"))

    assert lost["ours"].shape == (100,)


def test_what_the_one_who_knows_the_law_breaks_is_the_floor() -> None:
    figures = suite_report([grade(1), grade(2, **{"law known": 1.5})])

    assert figures["share_broken_knowing_the_law"] == 0.5
    assert figures["share_broken"] == 0


def test_a_verdict_at_the_very_bound_is_in_doubt() -> None:
    sure, even = grade(1), grade(2, ours=1.4 * 1.02)

    assert sure.doubt < 1e-6
    assert even.doubt == pytest.approx(0.5, abs=1e-3)


def test_an_answer_worse_than_the_constant_breaks_a_promise() -> None:
    figures = suite_report([grade(1), grade(2, ours=1.45)])

    assert (figures["share_broken"], figures["broken"][0]["seed"]) == (0.5, 2)


def test_a_loss_within_the_noise_of_the_grading_is_broken_but_not_shown() -> None:
    little, much = grade(1, ours=1.44), grade(2, ours=1.6)

    assert (little.broken, little.shown) == ([NO_WORSE], [])
    assert (much.broken, much.shown) == ([NO_WORSE], [NO_WORSE])


def test_a_store_of_something_else_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "suite.jsonl"
    store.write_text("{}\n")

    with pytest.raises(InputDataError, match="not grades of this suite"):
        run_suite(SuiteSpec(first=1, count=1), store, print)


@pytest.mark.slow
def test_a_graded_table_is_not_graded_again(tmp_path: Path) -> None:
    store, spec = tmp_path / "suite.jsonl", SuiteSpec(first=59, count=1)
    (first,) = run_suite(spec, store, print)
    said: list[str] = []

    (again,) = run_suite(spec, store, said.append)

    assert (first, said) == (again, [])


def test_a_group_that_is_covered_too_seldom_counts() -> None:
    figures = suite_report([grade(1), grade(2)])

    assert figures["share_of_groups_under_80"] == 0.5


def test_the_committed_specification_grades_on_seeds_kept_for_it() -> None:
    spec = read_suite_spec(ROOT / "experiments/009-made-up/spec.toml")

    assert spec.first >= GRADING_SEEDS
    assert spec.count >= 200


def test_a_specification_without_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text("first = 1\ncount = 0\n")

    with pytest.raises(InputDataError):
        read_suite_spec(tmp_path / "spec.toml")


def test_the_command_writes_and_prints_what_it_graded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.toml").write_text("first = 59\ncount = 1\n")
    work = tmp_path / "suite.jsonl"

    parser = argparse.ArgumentParser()
    add_verb(parser.add_subparsers())
    options = parser.parse_args(["suite", str(tmp_path), "--work", str(work), "--json"])

    code = options.command(options)

    printed = json.loads(capsys.readouterr().out)
    assert code == 0
    assert printed == json.loads((tmp_path / "results.json").read_text())
    assert printed["tables"] == 1
