import re
import tomllib
from typing import Any

import pytest

from tests.history.importers.table.test_check import LOG
from tests.shared import ROOT
from toolkit.history.importers.table import map_schema, suggest_map

jsonschema: Any = pytest.importorskip("jsonschema")  # comes with the notebooks
SCHEMA = jsonschema.Draft202012Validator(map_schema())
GUIDE = ROOT / "docs" / "how-to" / "import-a-table.md"

MAP: dict[str, Any] = {
    "kind": "batch",
    "columns": {"at": "t", "size": {"column": "n", "unit": "count"}},
}


def test_the_documented_and_a_suggested_map_are_valid(tmp_path: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(map_schema())
    guide = GUIDE.read_text(encoding="utf-8")
    for text in re.findall(r"```toml\n(.*?)```", guide, re.DOTALL):
        SCHEMA.validate(tomllib.loads(text))
    (tmp_path / "log.csv").write_text(LOG)
    SCHEMA.validate(tomllib.loads(suggest_map(tmp_path / "log.csv")))
    SCHEMA.validate(MAP)


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
def test_what_a_map_may_not_hold_is_marked(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(MAP | change)
