from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from tests.bundle_factory import small_bundle
from toolkit.experiments.training.tracking import own_warnings_ignored


@pytest.mark.slow
def test_contexts_are_answered_with_action_interval_rung_and_reason(
    tmp_path: Path,
) -> None:
    with own_warnings_ignored():
        from toolkit.experiments.training.served_model import ServedLadder

    bundle = small_bundle(tmp_path / "b", expires_at=datetime(2999, 1, 1, tzinfo=UTC))
    model = ServedLadder()
    model.load_context(SimpleNamespace(artifacts={"bundle": str(bundle.path)}))
    contexts = pd.DataFrame(
        {"operation_type": ["todoWrite"] * 2, "load_cpu": [0.9, None]}
    )
    answers = model.predict(None, contexts)

    assert set(answers["rung"]) == {"learned"}
    assert (answers["cost_low"] < answers["expected_cost"]).all()
    assert (answers["expected_cost"] < answers["cost_high"]).all()
    assert answers["reason"].str.len().min() > 0
