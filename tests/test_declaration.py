from pathlib import Path

import pytest

from toolkit.declaration import read_declared
from toolkit.errors import InputDataError, ManyProblemsError
from toolkit.experiments.training import read_spec
from toolkit.history.importers.table.form import MapForm, form_of

SPEC = """name = "a b"
decision = "batch_size"

[search]
trails = 3
trials = 0

[guard]
level = "high"
"""

MAP = """kind = "batch"
zone = "Moon/Crater"

[columns]
at = "begun"
sizes = "n"
cycle_s = { column = "took", unit = "parsec" }

[context]
size = "n"
memory = { column = "m", unit = "GiB" }
"""


def read_map_form(folder: Path, text: str) -> MapForm:
    path = folder / "map.toml"
    path.write_text(text)
    return read_declared(path, form_of, fix="give another")


def problems_of(folder: Path, text: str) -> list[tuple[int | None, str | None]]:
    with pytest.raises(ManyProblemsError) as raised:
        read_map_form(folder, text)
    return sorted(((each.line, each.field) for each in raised.value.problems), key=str)


def test_every_problem_of_a_specification_is_named_with_its_line(
    tmp_path: Path,
) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)

    with pytest.raises(ManyProblemsError) as raised:
        read_spec(path)

    assert {each.field: each.line for each in raised.value.problems} == {
        "name": 1,
        "question": None,
        "search.trails": 5,
        "search.trials": 6,
        "guard.level": 9,
    }
    assert "did you mean `trials`?" in str(raised.value)


def test_every_problem_of_a_map_is_named_across_its_parts(tmp_path: Path) -> None:
    assert problems_of(tmp_path, MAP) == [
        (10, "context.size"),
        (11, "context.memory"),
        (2, "zone"),
        (4, "columns.operation_type"),
        (4, "columns.size"),
        (6, "columns.sizes"),
        (7, "columns.cycle_s.unit"),
    ]


def test_a_single_problem_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputDataError) as raised:
        read_map_form(tmp_path, 'kind = "batches"\n')

    assert not isinstance(raised.value, ManyProblemsError)
    assert (raised.value.line, raised.value.got) == (1, "batches")


@pytest.mark.parametrize(
    "line",
    [
        'columns.size = { column = "n", unit = "apples" }',
        '[columns]\nsize = { column = "n", unit = "apples" }',
        '[ columns . "size" ]\ncolumn = "n"\nunit = "apples"',
    ],
    ids=["dotted", "table", "quoted"],
)
def test_a_field_is_found_however_toml_writes_it(line: str, tmp_path: Path) -> None:
    text = (
        'kind = "batch"\n[constants]\nat = "2026-01-05T12:00:00Z"\n'
        'operation_type = "shell"\n' + line
    )
    if line.startswith("columns."):
        text = line + "\n" + text

    with pytest.raises(InputDataError) as raised:
        read_map_form(tmp_path, text)

    assert raised.value.field == "columns.size.unit"
    assert raised.value.line is not None
    assert (
        "size" in text.splitlines()[raised.value.line - 1]
        or "unit" in (text.splitlines()[raised.value.line - 1])
    )


def test_what_is_no_toml_or_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="not TOML"):
        read_map_form(tmp_path, "kind = ")
    with pytest.raises(InputDataError, match="give another"):
        read_declared(tmp_path / "none.toml", form_of, fix="give another")
