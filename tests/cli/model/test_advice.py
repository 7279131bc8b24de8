import json
from pathlib import Path

import pytest

from tests.bundle_factory import agent_bundle, small_bundle
from toolkit.bundle import AdviceTable, read_bundle
from toolkit.capture.hook_advice import advise
from toolkit.cli import run
from toolkit.cli.model.advice import advice_of


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from datetime import UTC, datetime, timedelta

    work = tmp_path_factory.mktemp("run")
    expires = datetime.now(UTC) + timedelta(days=30)  # noqa: TID251 - the bundle must be fresh to the real clock of the command
    small_bundle(work / "bundle", expires_at=expires)
    assert run(["model", "export", str(work), str(work / "served")]) == 0
    return work / "served"


def test_an_exported_model_carries_its_advice(exported: Path) -> None:
    table = AdviceTable.loads((exported / "advice.json").read_bytes())

    assert len(table.cells) == 2 * 4
    assert "advice.json" in read_bundle(exported).files


def test_fidelity_is_measured_on_the_support(exported: Path) -> None:
    fidelity = AdviceTable.loads((exported / "advice.json").read_bytes()).fidelity

    assert (fidelity.contexts, fidelity.covered) == (300, 1.0)
    assert fidelity.same_size is not None
    assert fidelity.same_size > 0.3


def test_a_hook_reads_what_the_export_wrote(exported: Path) -> None:
    table = json.loads((exported / "advice.json").read_text())
    row = {"calls": [{"tool": "Read"}] * 2, "load": 0.1, "load_cpu": 0.1}
    said = advise(table, row, 0.0)

    assert said is not None
    assert said["policy_version"] == "1"


def test_an_agent_count_is_nothing_that_a_hook_advises(tmp_path: Path) -> None:
    agent_bundle(tmp_path / "b")

    assert advice_of(tmp_path / "b") == {}
