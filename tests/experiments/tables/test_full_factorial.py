"""Claims about tables in which every action was tried."""

from pathlib import Path

import numpy as np
import pytest

from tests.shared import DECISIONS, needs_decisions
from toolkit.errors import InputDataError
from toolkit.experiments.tables import (
    FullFactorial,
)

TABLE = """problem,group,action,a_n,x_size,cost_time
p1,g1,1,0,3,8
p1,g1,4,2,3,4
p1,g1,8,3,3,6
p2,g2,1,0,5,2
p2,g2,8,3,5,1
"""


def written(folder: Path, text: str = TABLE) -> Path:
    path = folder / "small.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_problem_without_an_action_offers_the_others_only(tmp_path: Path) -> None:
    table = FullFactorial.read(written(tmp_path), cost="time")

    assert table.offered.sum(axis=1).tolist() == [3, 2]


def test_the_rule_takes_the_action_nearest_to_six_workers(tmp_path: Path) -> None:
    table = FullFactorial.read(written(tmp_path), cost="time")

    taken = table.sizes[np.arange(2), table.rule]
    assert taken.tolist() == [3.0, 3.0]


def test_rows_in_any_order_are_the_same_table(tmp_path: Path) -> None:
    header, *rows = TABLE.splitlines()
    turned = "\n".join([header, *rows[::-1]]) + "\n"

    table = FullFactorial.read(written(tmp_path, turned), cost="time")

    assert table.value(table.rule) == pytest.approx(np.log([6.0, 1.0]).mean())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cost_time", "cost_money", "no such column"),
        ("a_n", "b_n", r"columns a_\* and"),
        ("3,8\n", "3,-8\n", "not above 0"),
        ("3,8\n", "3,inf\n", "not finite"),
    ],
    ids=["cost", "action", "negative", "infinite"],
)
def test_a_table_that_cannot_be_used_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(InputDataError, match=message):
        FullFactorial.read(written(tmp_path, TABLE.replace(old, new)), cost="time")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="no such file"):
        FullFactorial.read(tmp_path / "none.csv.gz", cost="time")


def test_the_synthetic_tables_best_size_differs_by_problem() -> None:
    table = FullFactorial.synthetic(np.random.default_rng(0))

    assert len(np.unique(np.nanargmin(table.log_costs, axis=1))) > 2


@needs_decisions
@pytest.mark.parametrize(
    ("file", "cost", "regret"),
    [
        ("scout_workers", "knee", 1.616),
        ("gavel_workers", "knee", 0.291),
        ("vidur_tp", "knee", 0.226),
        ("zeus_batch", "time", 4.225),
        ("pollux_batch", "time", 2.045),
    ],
)
def test_the_rules_regret_is_the_data_sheets(
    file: str, cost: str, regret: float
) -> None:
    table = FullFactorial.read(DECISIONS / f"{file}.csv.gz", cost=cost)

    best = float(np.nanmin(table.log_costs, axis=1).mean())
    assert np.expm1(table.value(table.rule) - best) == pytest.approx(regret, abs=6e-4)
