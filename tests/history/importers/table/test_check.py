"""A map that is suggested, and a table that is tried before it is imported."""

import json
from pathlib import Path

import pytest

from toolkit.cli import run
from toolkit.history.importers.table import check_tables, suggest_map

LOG = "job_id,started_at,batch_size,duration_ms,errors,gpu,model_gb,note\n" + "".join(
    f"j{n % 3},2026-01-05T10:{n:02}:00Z,{2 ** (n % 4)},{900 + n},0,"
    f"{'l4' if n % 3 else 'a100'},{7 + n},n{n}\n"
    for n in range(30)
)
GERMAN = (
    "Lauf;Beginn;Größe;Dauer;Fehler;Auslastung\n"
    "a;25.01.2026 12:30;4;12,5;0;80 %\n"
    "a;25.01.2026 12:31;6;1.203,0;1;35 %\n"
)


def test_a_log_is_recognised_by_its_names_and_cells(tmp_path: Path) -> None:
    log, map_path = tmp_path / "log.csv", tmp_path / "map.toml"
    log.write_text(LOG)
    map_path.write_text(suggest_map(log))
    found = check_tables(map_path, [log])
    first = found.first[0]

    assert (found.rows, found.usable, found.problems) == (30, 30, [])
    assert (first["size"], first["cycle_s"], first["session_id"]) == (1, 0.9, "j0")
    assert (first["succeeded"], first["failed"], first["cancelled"]) == (1, 0, 0)
    assert first["categories"] == {"gpu": "a100"}
    assert (
        '# model_bytes = { column = "model_gb", unit = "GB" }' in map_path.read_text()
    )


def test_forms_of_a_country_are_recognised(tmp_path: Path) -> None:
    log, map_path = tmp_path / "log.csv", tmp_path / "map.toml"
    log.write_bytes(GERMAN.replace("Größe", "Size Größe").encode("cp1252"))
    map_path.write_text(suggest_map(log))
    found = check_tables(map_path, [log])

    assert found.problems == []
    assert [row["cycle_s"] for row in found.first] == [12.5, 1203.0]
    assert [row["load_cpu"] for row in found.first] == pytest.approx([0.8, 0.35])
    assert [row["at"][:16] for row in found.first] == [
        "2026-01-25T12:30",
        "2026-01-25T12:31",
    ]


def test_what_is_not_recognised_is_a_comment(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("when,n\n01/02/2026 10:00,3\n")
    text = suggest_map(log)

    assert "# cycle_s" in text
    assert "# failed" in text


MAP = """kind = "batch"
zone = "UTC"
[columns]
at = "t"
size = "n"
cycle_s = "s"
[context]
rows_bytes = { column = "kb", unit = "kB" }
[constants]
operation_type = "inference"
"""


def test_every_problem_is_found_at_once_and_counted(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    rows = ["2026-01-05,4,2.5,1"] * 12 + ["yesterday,0,2.5,x", "2026-01-05,many,y,"]
    (tmp_path / "t.csv").write_text("\n".join(["t,n,s,kb", *rows, ""]))
    (tmp_path / "u.csv").write_text("t,x\n1,2\n")
    found = check_tables(
        tmp_path / "map.toml", [tmp_path / "t.csv", tmp_path / "u.csv"]
    )

    assert (found.rows, found.usable, len(found.first)) == (14, 12, 10)
    reasons = {problem.reason: problem for problem in found.problems}
    assert {reason[:18] for reason in reasons} == {
        "field `t`: not a t",
        "field `kb`: not a ",
        "field `n`: not a n",
        "field `s`: not a n",
        "no column `n`, `s`",
    }
    assert {problem.line for problem in found.problems} == {14, 15, None}


def test_a_dry_run_stores_nothing_and_a_suggestion_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, map_path = tmp_path / "log.csv", tmp_path / "map.toml"
    log.write_text(LOG)
    words = ["records", "import", "table"]
    suggested = run([*words, "--suggest", str(log)])
    map_path.write_text(capsys.readouterr().out)
    tried = run([*words, str(log), "--map", str(map_path), "--dry-run", "--json"])
    shown = json.loads(capsys.readouterr().out)
    run([*words, str(log), "--map", str(map_path), "--dry-run"])
    printed = capsys.readouterr().out

    assert (suggested, tried) == (0, 0)
    assert (shown["rows"], shown["usable"], len(shown["first"])) == (30, 30, 10)
    assert "categories.gpu" in printed
    assert not (tmp_path / ".toolkit").exists()


def test_a_dry_run_of_nothing_usable_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    (tmp_path / "t.csv").write_text("t,n,s,kb\nyesterday,4,1,1\n")
    words = [str(tmp_path / "t.csv"), "--map", str(tmp_path / "map.toml")]

    assert run(["records", "import", "table", *words, "--dry-run"]) == 3


def test_a_table_needs_a_map_and_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["records", "import", "table", "x.csv"]) == 2
    assert "--suggest" in capsys.readouterr().err
