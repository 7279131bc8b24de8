import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.table.test_check import LOG
from tests.shared import ROOT
from toolkit.history.importers.table import map_schema, suggest_map

GUIDE = ROOT / "docs" / "how-to" / "import-a-table.md"

MAP: dict[str, Any] = {
    "kind": "batch",
    "columns": {"at": "t", "size": {"column": "n", "unit": "count"}},
}


@pytest.fixture(scope="module")
def jsonschema() -> Any:
    """Comes with the notebooks; its import takes longer than every test here."""
    return pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def schema(jsonschema: Any) -> Any:
    return jsonschema.Draft202012Validator(map_schema())


def test_the_documented_and_a_suggested_map_are_valid(
    tmp_path: Path, schema: Any
) -> None:
    schema.check_schema(map_schema())
    guide = GUIDE.read_text(encoding="utf-8")
    for text in re.findall(r"```toml\n(.*?)```", guide, re.DOTALL):
        schema.validate(tomllib.loads(text))
    (tmp_path / "log.csv").write_text(LOG)
    schema.validate(tomllib.loads(suggest_map(tmp_path / "log.csv")))
    schema.validate(MAP)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "batches"},
        {"column": {}},
        {"columns": {"sizes": "n"}},
        {"columns": {"size": {"column": "n", "unit": "apples"}}},
        {"columns": {"size": {"col": "n"}}},
        {"constants": {"makespan_s": 1}},
        {"decimal": ";"},
    ],
)
def test_what_a_map_may_not_hold_is_marked(
    change: dict[str, Any], jsonschema: Any, schema: Any
) -> None:
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(MAP | change)
