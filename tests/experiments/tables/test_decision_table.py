"""Decision tables are read whole or refused with a reason."""

from pathlib import Path

import numpy as np
import pytest

from tests.experiments.decision_tables import frame, table, written
from toolkit.errors import InputDataError, UsageError
from toolkit.experiments.tables import read_decision_tables


def test_every_cost_of_every_file_is_a_table(tmp_path: Path) -> None:
    tables = read_decision_tables(written(tmp_path))

    assert [each.title for each in tables] == ["law_workers, time", "law_workers, knee"]


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_each_format_holds_the_same_table(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"law.{suffix}"
    made = frame(groups=3, problems=2)
    if suffix == "parquet":
        made.to_parquet(path)
    else:
        made.to_csv(path, index=False)

    (first, _) = read_decision_tables(tmp_path)

    assert len(first.problems) == 6


def test_a_problem_holds_no_cost(tmp_path: Path) -> None:
    problem = table(tmp_path).problems[0]

    assert (*problem.context, *problem.action_columns) == ("x_load", "x_scale", "a_n")


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no"):
        read_decision_tables(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        read_decision_tables(tmp_path / "nowhere")


@pytest.mark.parametrize("column", ["problem", "group", "action"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    frame().drop(columns=column).to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(InputDataError, match=f"`{column}`"):
        read_decision_tables(tmp_path)


def test_a_table_without_costs_is_refused(tmp_path: Path) -> None:
    frame().drop(columns=["cost_time", "cost_knee"]).to_csv(
        tmp_path / "t.csv", index=False
    )

    with pytest.raises(InputDataError, match="cost_"):
        read_decision_tables(tmp_path)


def test_a_cost_of_zero_is_refused_with_its_line(tmp_path: Path) -> None:
    made = frame()
    made.loc[4, "cost_time"] = 0.0
    made.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(InputDataError, match=r"t\.csv:6"):
        read_decision_tables(tmp_path)


def test_words_among_the_numbers_are_refused(tmp_path: Path) -> None:
    made = frame().astype({"x_load": object})
    made.loc[0, "x_load"] = "busy"
    made.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(InputDataError, match="x_load"):
        read_decision_tables(tmp_path)


def test_an_action_that_is_not_known_is_refused(tmp_path: Path) -> None:
    made = frame()
    made.loc[2, "a_n"] = None
    made.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(InputDataError, match=r"t\.csv:4"):
        read_decision_tables(tmp_path)


def test_a_problem_in_two_groups_is_refused(tmp_path: Path) -> None:
    made = frame()
    made.loc[0, "group"] = "g4"
    made.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(InputDataError, match="several groups"):
        read_decision_tables(tmp_path)


@pytest.mark.parametrize("cost", [0.0, -1.0, np.inf])
def test_a_cost_that_is_not_a_finite_number_above_0_is_refused(
    tmp_path: Path, cost: float
) -> None:
    made = frame()
    made.loc[3, "cost_time"] = cost
    made.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(InputDataError) as caught:
        read_decision_tables(tmp_path)
    assert (caught.value.line, caught.value.field) == (5, "cost_time")


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"nothing")

    with pytest.raises(InputDataError, match="readable"):
        read_decision_tables(tmp_path)


def test_rows_without_a_cost_are_left_out(tmp_path: Path) -> None:
    made = frame()
    made.loc[0, "cost_time"] = None
    made.to_csv(tmp_path / "t.csv", index=False)

    time, knee = read_decision_tables(tmp_path)

    assert sum(map(len, knee.log_costs)) - sum(map(len, time.log_costs)) == 1


def test_a_context_that_is_not_known_stays_unknown(tmp_path: Path) -> None:
    made = frame()
    made.loc[made["problem"] == "g0p0", "x_load"] = None
    made.to_csv(tmp_path / "t.csv", index=False)

    first = read_decision_tables(tmp_path)[0].problems[0]

    assert first.context["x_load"] is None
