import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.shared import ROOT
from toolkit.cli import run
from toolkit.experiments.training import (
    ExperimentSpec,
    read_spec,
    spec_schema,
    spec_text,
)


@pytest.fixture(scope="module")
def jsonschema() -> Any:
    """Import what comes with the notebooks; it takes seconds, so not on collection."""
    return pytest.importorskip("jsonschema")


def test_a_written_specification_is_the_default_one(tmp_path: Path) -> None:
    text = spec_text("jobs", decision="batch_size", question="How many?")
    path = tmp_path / "spec.toml"
    path.write_text(text)
    found = read_spec(path)
    plain = ExperimentSpec(name="jobs", decision="batch_size", question="How many?")

    assert found.to_json() | {"bundle": None} == plain.to_json() | {"bundle": None}
    assert found.bundle.name == "jobs"


@pytest.mark.parametrize("name", ["001-batch-size", "002-agent-count"])
def test_the_committed_specifications_are_valid(name: str, jsonschema: Any) -> None:
    text = (ROOT / "experiments" / name / "spec.toml").read_text(encoding="utf-8")

    jsonschema.validate(tomllib.loads(text), spec_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"colour": 1},
        {"decision": "lunch"},
        {"seed": "one"},
        {"search": {"trails": 3}},
        {"search": {"trials": 0}},
        {"bundle": {"name": "ours.v2"}},
        {"guard": {"assumes": "luck"}},
    ],
)
def test_what_a_specification_may_not_hold_is_marked(
    change: dict[str, Any], jsonschema: Any
) -> None:
    good = {"name": "n", "decision": "batch_size", "question": "q"}
    jsonschema.validate(good, spec_schema())

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(good | change, spec_schema())


def test_init_writes_a_folder_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "our jobs"
    first = run(["experiment", "init", str(folder), "--decision", "agent_count"])
    again = run(["experiment", "init", str(folder)])

    assert (first, again) == (0, 2)
    assert read_spec(folder / "spec.toml").name == "our-jobs"
    assert (folder / "spec.schema.json").exists()
    assert "is there already" in capsys.readouterr().err
