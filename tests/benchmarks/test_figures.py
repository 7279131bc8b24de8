import csv
import importlib
import re
from datetime import date
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import (
    BENCHMARKS,
    HEADER,
    TABLE,
    Occasion,
    append_figures,
)
from tests.benchmarks.growth import projected
from tests.shared import ROOT

OCCASION = Occasion(day=date(2026, 3, 1), commit="abc1234", cores=2, load=0.5)


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_figures_are_appended_under_one_header(tmp_path: Path) -> None:
    table = tmp_path / "figures.csv"
    for ratio in (2.0, 1.5):
        append_figures(table, "import_speed", {"ratio": ratio}, OCCASION)

    rows = rows_of(table)
    assert [row["value"] for row in rows] == ["2", "1.5"]
    assert {(row["day"], row["commit"], row["cores"], row["load"]) for row in rows} == {
        ("2026-03-01", "abc1234", "2", "0.5")
    }


def test_a_benchmark_that_could_not_run_leaves_a_row_that_says_so(
    tmp_path: Path,
) -> None:
    append_figures(tmp_path / "figures.csv", "node_speed", {}, OCCASION)

    (row,) = rows_of(tmp_path / "figures.csv")
    assert (row["benchmark"], row["value"]) == ("node_speed", "")
    assert row["note"] == "what it needs is not on this machine"


def test_the_committed_table_names_commit_cores_and_load_in_every_row() -> None:
    with TABLE.open(encoding="utf-8", newline="") as opened:
        assert tuple(next(csv.reader(opened))) == HEADER

    rows = rows_of(TABLE)
    assert {row["benchmark"] for row in rows} == {*BENCHMARKS}
    for row in rows:
        assert int(row["cores"]) > 0
        assert float(row["load"]) >= 0
        assert row["commit"]
        assert bool(row["value"]) is not bool(row["note"])


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_listed_benchmark_has_a_main(name: str) -> None:
    assert callable(importlib.import_module(f"tests.benchmarks.{name}").main)


def test_the_page_of_growth_says_what_the_program_computes_of_its_table() -> None:
    page = (ROOT / "docs" / "explanation" / "growth.md").read_text()
    cells = r"([\d.]+) CPU-s, ([\d.]+) (MB|GB)"
    rows = re.findall(rf"\| ([\d,]+) \| {cells} \| {cells} \|", page)
    measured = [
        {
            "batches": float(batches.replace(",", "")),
            "features_cpu_s": float(features_s),
            "review_cpu_s": float(review_s),
            "review_mb": float(size) * (1e3 if unit == "GB" else 1),
        }
        for batches, features_s, _, _, review_s, size, unit in rows
    ]
    found = projected(measured)

    assert len(measured) == 4
    for what in (
        f"| Parquet, a year | {round(found['stored_a_year_gb'], -1):.0f} GB",
        f"| index of known records, a year | {found['index_a_year_gb']:.0f} GB",
        f"| compaction, a day | {found['compaction_a_day_cpu_min']:.0f} CPU-minutes",
        f"| feature table of a day | {found['features_a_day_cpu_min']:.0f} CPU-minute ",
        f"| feature table of a year | {found['features_a_year_cpu_h']:.0f} CPU-hours ",
        (
            f"| review of a day | {found['review_a_day_cpu_min']:.0f} CPU-minutes, "
            f"{found['review_a_day_gb']:.0f} GB |"
        ),
        (
            f"| review of a month | {found['review_a_month_cpu_min']:.0f} CPU-minutes, "
            f"{found['review_a_month_gb']:.0f} GB |"
        ),
    ):
        assert what in page
