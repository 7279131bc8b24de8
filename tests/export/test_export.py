"""An exported graph is the fitted model, or the export fails."""

from pathlib import Path

import numpy as np
import pytest

from tests.bundle_factory import (
    SCHEMA,
    manifest_of,
    small_bundle,
    small_lesson,
    training_rows,
)
from toolkit.bundle import TOLERANCE, read_bundle
from toolkit.bundle.folder import BundleFolder
from toolkit.errors import GateRefusedError, UsageError
from toolkit.export import copy_bundle, write_bundle
from toolkit.export.stack import to_onnx
from toolkit.export.verification import ROWS, probe_rows, verify_graph
from toolkit.export.writer import CARD_NAME
from toolkit.models.members import FittedBoosted, RelativeBoosted


@pytest.mark.slow
def test_the_graph_equals_the_model_on_ten_thousand_hostile_rows() -> None:
    lesson = small_lesson()
    rows = probe_rows(SCHEMA, lesson.rows.X.astype(np.float32), seed=5)

    _, worst = verify_graph(
        lesson.stack, to_onnx(lesson.stack, width=SCHEMA.width), rows
    )

    assert len(rows) >= 10_000
    assert worst <= TOLERANCE


def test_probe_rows_hold_missing_values_and_every_category_and_none() -> None:
    X, _ = training_rows()

    rows = probe_rows(SCHEMA, X, seed=5)

    assert len(rows) == ROWS
    assert np.isnan(rows[:, 2:4]).mean() == pytest.approx(0.2, abs=0.1)
    assert {tuple(row) for row in rows[:, :2]} == {(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)}


def test_a_conversion_that_is_wrong_without_an_error_is_refused(tmp_path: Path) -> None:
    lesson = small_lesson(RelativeBoosted(trees=20))
    X = lesson.rows.X.astype(np.float32)
    # Poisson and gamma losses convert without complaint and lose their exponential.
    (boosted,) = lesson.stack.members
    assert isinstance(boosted, FittedBoosted)
    boosted.trees.set_params(loss="gamma")
    boosted.trees.fit(X[:, boosted.columns], np.exp(lesson.rows.regret))

    with pytest.raises(GateRefusedError, match="is not the fitted FittedStack"):
        write_bundle(
            tmp_path / "b", model=lesson.stack, manifest=manifest_of(), X=X, seed=1
        )

    assert not (tmp_path / "b").exists()


def test_a_directory_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(UsageError, match="something other than a bundle"):
        small_bundle(tmp_path)

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_second_export_replaces_the_first_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    small_bundle(tmp_path / "b", version="1")

    second = small_bundle(tmp_path / "b", version="2")

    assert second.manifest.version == "2"
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_the_card_says_what_the_model_reads_and_where_it_stops(tmp_path: Path) -> None:
    lesson = small_lesson()
    bundle = write_bundle(
        tmp_path / "b",
        model=lesson.stack,
        manifest=manifest_of(),
        X=lesson.rows.X.astype(np.float32),
        seed=1,
        limits=["Task spawning has hardly any parallel batches."],
    )

    card = bundle.files[CARD_NAME].decode()

    assert "`operation_bytes`" in card
    assert "Task spawning has hardly any" in card


def test_who_reads_a_bundle_while_it_is_exchanged_gets_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("v1", "v2"):
        small_bundle(tmp_path / version, version=version)
    copy_bundle(tmp_path / "v1", tmp_path / "served")
    read, reads = BundleFolder.read, []

    def exchanged_between(folder: BundleFolder, name: str, *, max_bytes: int) -> bytes:
        reads.append(name)
        if len(reads) == 2:
            copy_bundle(tmp_path / "v2", tmp_path / "served")
        return read(folder, name, max_bytes=max_bytes)

    monkeypatch.setattr(BundleFolder, "read", exchanged_between)

    assert read_bundle(tmp_path / "served").manifest.version == "v2"
    assert reads.count("manifest.json") >= 2
