"""The exported ensemble is the fitted one."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from tests.experiments.decision_tables import table
from toolkit.bundle import INPUT_NAME
from toolkit.bundle.graph_check import graph_problem
from toolkit.bundle.onnx_runtime import make_session
from toolkit.errors import UsageError
from toolkit.export.graph import Graph
from toolkit.export.stack import add_member, to_onnx
from toolkit.models import (
    FittedStack,
    RelativeMember,
    RelativeRows,
    Stack,
)
from toolkit.models.members import (
    RelativeBoosted,
    RelativeConstant,
    RelativeLaw,
    RelativeLinear,
    RelativeProcess,
    RelativeQuadratic,
    RelativeTrees,
    round_down,
)
from toolkit.models.members.anchor import RelativeAnchor

MEMBERS: dict[str, RelativeMember] = {
    "process": RelativeProcess(raw=False, tuned_on=60, conditioned_on=100),
    "raw process": RelativeProcess(raw=True, tuned_on=60, conditioned_on=100),
    "trees": RelativeTrees(everything=False, min_samples_leaf=2, trees=15),
    "all trees": RelativeTrees(everything=True, min_samples_leaf=1, trees=15),
    "quadratic": RelativeQuadratic(),
    "constant": RelativeConstant(),
    "constant size": RelativeConstant(place="size"),
    "tuned rule": RelativeConstant(place="from_rule"),
    "rule": RelativeAnchor(),
    "grid middle": RelativeAnchor(middle=True),
    "boosted": RelativeBoosted(trees=15),
    "linear": RelativeLinear(),
    "law": RelativeLaw(),
}


def fitted(folder: Path, *names: str) -> tuple[FittedStack, RelativeRows]:
    made = table(folder, groups=3, problems=4)
    members = tuple((name, MEMBERS[name]) for name in names)
    return Stack(seed=0, members=members).fit(made), made.rows()


def outputs(model: FittedStack, rows: np.ndarray) -> np.ndarray:
    made = to_onnx(model, width=rows.shape[1])
    session = make_session(made.SerializeToString())
    return np.asarray(session.run(None, {INPUT_NAME: rows})[0]).ravel()


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_survives_export_on_rows_it_never_saw(
    tmp_path: Path, name: str
) -> None:
    model, rows = fitted(tmp_path, name)
    rng = np.random.default_rng(0)
    strange = (rows.X[:200] + rng.normal(0, 1, rows.X[:200].shape)).astype(np.float32)
    strange[::7, 0] = np.nan

    got = outputs(model, strange)

    np.testing.assert_allclose(got, model.predict(strange.astype(float)), atol=1e-5)


def test_the_whole_ensemble_is_one_allowed_graph(tmp_path: Path) -> None:
    model, rows = fitted(tmp_path, *MEMBERS)

    made = to_onnx(model, width=rows.layout.width)

    assert graph_problem(made, width=rows.layout.width) is None


def test_a_threshold_between_two_floats_sends_no_row_the_other_way() -> None:
    values = np.float32(1.0) + np.arange(4, dtype=np.float32) * np.float32(1.2e-7)
    X = np.unique(values)[:, None]
    forest = ExtraTreesRegressor(1, random_state=0).fit(X, np.arange(len(X)))
    threshold = forest.estimators_[0].tree_.threshold[:1]

    sides = (X[:, 0] <= threshold[0]) == (X[:, 0] <= round_down(threshold)[0])

    assert sides.all()


def test_a_member_without_a_converter_is_refused() -> None:
    with pytest.raises(UsageError, match="member to export"):
        add_member(object(), Graph(1), "features")
