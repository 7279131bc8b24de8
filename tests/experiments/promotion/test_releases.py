"""What a rollback looks at before it changes anything."""

import json
from pathlib import Path

import pytest

from tests.bundle_factory import small_bundle
from toolkit.errors import BundleRefusedError, InputDataError
from toolkit.experiments.promotion import Releases
from toolkit.experiments.promotion.releases import ReleaseState


def released(home: Path) -> Releases:
    """Two versions, the second in force."""
    releases = Releases(home)
    for version in ("v1", "v2"):
        small_bundle(releases.bundle(version), version=version)
    releases.write(ReleaseState(champion="v2", previous="v1"))
    return releases


def test_a_rollback_to_a_damaged_bundle_is_refused_and_changes_nothing(
    tmp_path: Path,
) -> None:
    releases = released(tmp_path)
    model = releases.bundle("v1") / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])

    with pytest.raises(BundleRefusedError):
        releases.rollback()
    assert releases.state().champion == "v2"


def test_a_rollback_to_a_link_is_refused(tmp_path: Path) -> None:
    releases = released(tmp_path / "home")
    releases.bundle("v1").rename(tmp_path / "elsewhere")
    releases.bundle("v1").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(BundleRefusedError, match="link"):
        releases.rollback()


def test_a_version_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    releases = released(tmp_path)
    state = json.loads((tmp_path / "state.json").read_text())
    state["previous"] = "../../elsewhere"
    (tmp_path / "state.json").write_text(json.dumps(state))

    with pytest.raises(InputDataError, match="version"):
        releases.rollback()
