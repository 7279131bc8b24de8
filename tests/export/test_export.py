"""An exported graph is the fitted model, or the export fails."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bundle_factory import SCHEMA, manifest_of, small_bundle, training_rows
from toolkit.bundle import TOLERANCE
from toolkit.errors import GateRefusedError, UsageError
from toolkit.export import (
    CARD_NAME,
    ROWS,
    probe_rows,
    to_onnx,
    verify_graph,
    write_bundle,
)
from toolkit.models import RatioCost, ShapedCost
from toolkit.models.members import BoostedCost, LinearCost, ScalabilityCurve

MODELS = [
    BoostedCost(max_iter=60),
    LinearCost(),
    ScalabilityCurve(),
    ScalabilityCurve(price_exponent=0.5),
    RatioCost(seconds=LinearCost()),
    RatioCost(seconds=ScalabilityCurve(), success=BoostedCost(max_iter=20)),
    RatioCost(),
    ShapedCost(shape=ScalabilityCurve()),
    ShapedCost(shape=BoostedCost(max_iter=30)),
]


def fitted(model: Any) -> Any:
    X, y = training_rows()
    if isinstance(model, RatioCost):
        share = np.random.default_rng(3).uniform(0.0, 1.0, len(y))
        return model.fit(X, np.column_stack([np.exp(y), share]))
    return model.fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_graph_equals_the_model_on_ten_thousand_hostile_rows(model: Any) -> None:
    X, _ = training_rows()
    rows = probe_rows(SCHEMA, X, seed=5)
    made = fitted(model)

    _, worst = verify_graph(made, to_onnx(made, width=SCHEMA.width), rows)

    assert len(rows) >= 10_000
    assert worst <= TOLERANCE


def test_probe_rows_hold_missing_values_and_every_category_and_none() -> None:
    X, _ = training_rows()

    rows = probe_rows(SCHEMA, X, seed=5)

    assert len(rows) == ROWS
    assert np.isnan(rows[:, 2:4]).mean() == pytest.approx(0.2, abs=0.1)
    assert {tuple(row) for row in rows[:, :2]} == {(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)}


def test_a_conversion_that_is_wrong_without_an_error_is_refused(tmp_path: Path) -> None:
    X, y = training_rows()
    boosted = BoostedCost(max_iter=20).fit(X, y)
    # Poisson and gamma losses convert without complaint and lose their exponential.
    boosted.regressor_.set_params(loss="gamma").fit(X, np.exp(y))

    with pytest.raises(GateRefusedError, match="is not the fitted BoostedCost"):
        write_bundle(tmp_path / "b", model=boosted, manifest=manifest_of(), X=X, seed=1)

    assert not (tmp_path / "b").exists()


def test_a_model_without_a_converter_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown model to export `object`"):
        to_onnx(object(), width=3)


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
    X, y = training_rows()
    bundle = write_bundle(
        tmp_path / "b",
        model=LinearCost().fit(X, y),
        manifest=manifest_of(),
        X=X,
        seed=1,
        limits=["Task spawning has hardly any parallel batches."],
    )

    card = bundle.files[CARD_NAME].decode()

    assert "`operation_bytes`" in card
    assert "Task spawning has hardly any" in card
