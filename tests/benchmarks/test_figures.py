import csv
import re
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.__main__ import append_figures
from tests.benchmarks.growth import projected
from tests.shared import ROOT


def test_figures_are_appended_under_one_header(tmp_path: Path) -> None:
    table = tmp_path / "figures.csv"
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for ratio in (2.0, 1.5):
        append_figures(table, "import_speed", {"ratio": ratio}, at, 0.5)

    with table.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))

    assert [row["value"] for row in rows] == ["2", "1.5"]
    assert {(row["day"], row["load"]) for row in rows} == {("2026-03-01", "0.5")}


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
