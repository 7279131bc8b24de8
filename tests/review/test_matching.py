from pathlib import Path

import numpy as np
import pytest

from tests.review.reviewed import Talk, facts_of
from toolkit.review.matching import matched_ratios


def talk(number: int, *, slow_after: float = 1.0, context: int = 20_000) -> Talk:
    """Reads alone and in twos; what comes after a pair may be slower than usual."""
    made = Talk(f"s{number}")
    rng = np.random.default_rng(number)
    for turn in range(12):
        made.latency_s = 3.0 * float(np.exp(rng.normal(0, 0.1)))
        pair = turn % 4 == 2
        if turn % 4 == 3:
            made.latency_s *= slow_after
        names = [f"/home/a/file_{turn}_{n}.py" for n in range(2 if pair else 1)]
        calls = [("Read", {"file_path": name}, "text") for name in names]
        made.turn(*calls, tokens=context if pair else 20_000)
    return made


def test_pairs_that_take_as_long_as_one_halve_the_cost(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, *(talk(number) for number in range(12)))

    (found,) = matched_ratios(facts.batches, rng=np.random.default_rng(0))

    assert found.sizes == "2"
    assert found.low < 0.5 < found.high
    assert found.identified


def test_an_effect_on_the_turn_after_is_not_identified(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, *(talk(n, slow_after=0.5) for n in range(12)))

    (found,) = matched_ratios(facts.batches, rng=np.random.default_rng(0))

    assert "the turn after" in found.failed_placebos
    assert not found.identified


def test_another_context_length_is_no_match(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, *(talk(n, context=60_000) for n in range(12)))

    assert matched_ratios(facts.batches, rng=np.random.default_rng(0)) == []


@pytest.mark.parametrize("sessions", [1, 4])
def test_few_sessions_give_no_estimate(tmp_path: Path, sessions: int) -> None:
    facts = facts_of(tmp_path, *(talk(number) for number in range(sessions)))

    assert matched_ratios(facts.batches, rng=np.random.default_rng(0)) == []
