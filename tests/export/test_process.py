"""A process is written over distinct contexts and actions where its history is a grid."""

from pathlib import Path

import numpy as np
import pytest

from tests.experiments.decision_tables import table
from toolkit.bundle import INPUT_NAME
from toolkit.bundle.onnx_runtime import make_session
from toolkit.export import process
from toolkit.export.stack import to_onnx
from toolkit.models import FittedStack, Stack
from toolkit.models.members import RelativeProcess


def fitted(folder: Path, *, raw: bool) -> tuple[FittedStack, np.ndarray]:
    made = table(folder, groups=3, problems=4)
    member = RelativeProcess(raw=raw, tuned_on=60, conditioned_on=200)
    stack = Stack(seed=0, members=(("process", member),)).fit(made)
    rng = np.random.default_rng(0)
    rows = made.rows().X
    strange = rows + rng.normal(0, 1, rows.shape)
    return stack, strange.astype(np.float32)


def outputs(stack: FittedStack, rows: np.ndarray) -> tuple[np.ndarray, int]:
    made = to_onnx(stack, width=rows.shape[1])
    session = make_session(made.SerializeToString())
    return np.asarray(session.run(None, {INPUT_NAME: rows})[0]).ravel(), len(
        made.graph.node
    )


@pytest.mark.parametrize("raw", [True, False])
def test_the_grid_says_what_a_term_a_row_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, raw: bool
) -> None:
    stack, rows = fitted(tmp_path, raw=raw)
    grid, few = outputs(stack, rows)
    monkeypatch.setattr(process, "MOST_WEIGHTS", 0)
    each, many = outputs(stack, rows)

    assert few < many
    np.testing.assert_allclose(grid, each, atol=1e-6)
    np.testing.assert_allclose(grid, stack.predict(rows.astype(float)), atol=1e-5)
