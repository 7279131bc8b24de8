"""The stated probability of being no worse than the rule."""

import pytest

from toolkit.errors import SchemaError
from toolkit.policies import Confidence

CURVE = Confidence(intercept=0.5, saving=1.0, certainty=0.5)


def test_the_rules_own_answer_is_certain_to_be_no_worse() -> None:
    assert CURVE.probability(saving=0.0, deviation=1.0) == 1.0


def test_a_larger_saving_is_surer() -> None:
    sure = [CURVE.probability(saving=s, deviation=0.3) for s in (0.1, 0.5, 2.0)]

    assert sure == sorted(sure)


def test_a_vague_saving_is_less_sure() -> None:
    vague = CURVE.probability(saving=0.5, deviation=2.0)

    assert vague < CURVE.probability(saving=0.5, deviation=0.1)


def test_a_curve_survives_json() -> None:
    assert Confidence.from_json(CURVE.to_json()) == CURVE


def test_a_broken_curve_is_refused() -> None:
    with pytest.raises(SchemaError, match="confidence"):
        Confidence.from_json({"intercept": 1.0})
