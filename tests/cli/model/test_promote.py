import json
from pathlib import Path

import pytest

from toolkit.cli import run
from toolkit.cli.experiment.retrain import SPEC, models_home
from toolkit.experiments.promotion import GateRules, PromotionOutcome, retraining
from toolkit.experiments.promotion.gate import Promotion

ROOT = Path(__file__).resolve().parents[3]


def answer(outcome: PromotionOutcome) -> retraining.Retraining:
    """What the gate might say."""
    promoted = outcome is PromotionOutcome.PROMOTED
    return retraining.Retraining(
        outcome=outcome.value,
        champion="v2" if promoted else "v1",
        challenger="v2",
        promotion=Promotion(
            outcome=outcome,
            challenger="v2",
            champion="v1",
            difference=-0.1,
            low=-0.2,
            high=0.0,
            standard_error=0.05,
            problems=9,
            groups=7,
            groups_needed=None if promoted else 20,
            rules=GateRules(),
            reason="told",
        ),
    )


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (PromotionOutcome.PROMOTED, 0),
        (PromotionOutcome.REFUSED, 4),
        (PromotionOutcome.NOT_ENOUGH_DATA, 5),
    ],
)
def test_the_gate_s_answer_is_the_exit_code_and_one_json_object(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: PromotionOutcome,
    code: int,
) -> None:
    monkeypatch.setattr(retraining, "promote", lambda *_, **__: answer(outcome))
    words = ["model", "promote", "v2", "--store", str(tmp_path), "--json"]

    assert run([*words, "--spec", str(ROOT / SPEC)]) == code
    assert json.loads(capsys.readouterr().out)["outcome"] == outcome.value


@pytest.mark.slow
def test_without_a_challenger_nothing_is_promoted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["model", "promote", "--store", str(tmp_path)]

    assert run([*words, "--spec", str(ROOT / SPEC)]) == 5
    assert capsys.readouterr().err.count("\n") == 1
    assert not models_home(tmp_path, "batch-size").joinpath("current").exists()
