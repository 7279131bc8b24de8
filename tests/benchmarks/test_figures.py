import csv
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.__main__ import append_figures


def test_figures_are_appended_under_one_header(tmp_path: Path) -> None:
    table = tmp_path / "figures.csv"
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for ratio in (2.0, 1.5):
        append_figures(table, "import_speed", {"ratio": ratio}, at, 0.5)

    with table.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))

    assert [row["value"] for row in rows] == ["2", "1.5"]
    assert {(row["day"], row["load"]) for row in rows} == {("2026-03-01", "0.5")}
