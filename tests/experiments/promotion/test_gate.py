"""Claims about the promotion gate."""

import json
import math

import numpy as np
import pytest

from toolkit.errors import GateRefusedError, NotEnoughDataError
from toolkit.experiments.promotion import GateRules, PromotionOutcome, decide_promotion
from toolkit.experiments.promotion.gate import Promotion

QUICK = GateRules(replicates=300)


def gate(gain: float, *, groups: int = 20, noise: float = 0.1) -> Promotion:
    rng = np.random.default_rng(4)
    champion = rng.normal(size=groups * 5)
    challenger = champion - gain + rng.normal(0, noise, size=groups * 5)
    return decide_promotion(
        challenger, champion, np.arange(groups * 5) // 5, rng=rng, rules=QUICK
    )


def test_a_clear_gain_is_promoted() -> None:
    answer = gate(0.3)

    assert answer.outcome is PromotionOutcome.PROMOTED
    assert answer.high is not None
    assert answer.high < 0


def test_a_clear_loss_is_refused() -> None:
    answer = gate(-0.3)

    with pytest.raises(GateRefusedError, match="no gain worth having"):
        answer.require()


def test_a_tie_shown_with_many_records_is_refused_as_not_worth_having() -> None:
    assert gate(0.0, groups=400).outcome is PromotionOutcome.REFUSED


def test_a_gain_hidden_by_noise_is_not_enough_data() -> None:
    answer = gate(0.05, noise=2.0)

    assert answer.outcome is PromotionOutcome.NOT_ENOUGH_DATA


def test_not_enough_data_says_how_much_would_be() -> None:
    answer = gate(0.05, noise=2.0)

    assert answer.groups_needed is not None
    assert answer.groups_needed > answer.groups
    with pytest.raises(NotEnoughDataError, match=f"at least {answer.groups_needed}"):
        answer.require()


@pytest.mark.parametrize("groups", [1, 5])
def test_fewer_than_six_groups_are_not_enough_data(groups: int) -> None:
    answer = gate(0.3, groups=groups)

    assert answer.outcome is PromotionOutcome.NOT_ENOUGH_DATA
    assert answer.groups_needed == 6


def test_one_group_shows_no_difference_rather_than_a_guess() -> None:
    assert gate(0.3, groups=1).difference is None


def test_the_data_asked_for_is_about_what_shows_the_gain() -> None:
    asked = gate(0.2, groups=8, noise=1.0).groups_needed
    assert asked is not None

    rng = np.random.default_rng(0)
    promoted = 0
    for _ in range(40):
        difference = rng.normal(-0.2, 1.0, size=asked * 5)
        answer = decide_promotion(
            difference,
            np.zeros_like(difference),
            np.arange(asked * 5) // 5,
            rng=rng,
            rules=QUICK,
        )
        promoted += answer.promoted

    assert promoted > 20


def test_promoted_answers_are_required_without_complaint() -> None:
    gate(0.3).require()


def test_the_answer_carries_every_figure_as_json() -> None:
    row = gate(0.3).to_json()

    assert {"difference", "low", "high", "groups", "rules", "outcome"} <= set(row)


def test_a_bound_that_is_infinite_is_written_as_null() -> None:
    rng = np.random.default_rng(1)
    champion = np.zeros(12)
    challenger = champion.copy()
    challenger[:2] = -1.0, -0.1  # two groups of twelve differ at all
    answer = decide_promotion(challenger, champion, np.arange(12), rng=rng)

    assert answer.low == -math.inf
    assert json.loads(json.dumps(answer.to_json(), allow_nan=False))["low"] is None
