import json
from dataclasses import dataclass

import numpy as np
import pytest

from toolkit.errors import SchemaError, UsageError
from toolkit.policies import Floats
from toolkit.policies.adaptation import Adaptation, AdaptationSettings

SIZES = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
FOUR, EIGHT = 2, 3


def adaptation() -> Adaptation:
    return Adaptation(AdaptationSettings(), SIZES)


def test_a_size_that_costs_ten_times_another_is_left_without_a_bundle() -> None:
    rng = np.random.default_rng(0)
    adapted = adaptation()
    for _ in range(300):
        base = int(rng.choice([FOUR, EIGHT]))
        index = adapted.answer(base)
        cost = 10.0 if index == EIGHT else 1.0
        noise = float(np.exp(0.3 * rng.normal()))
        adapted.observe(
            index, spent=cost * SIZES[index] * noise, done=SIZES[index], operations=8
        )

    assert adapted.answer(EIGHT) == FOUR


def test_the_base_is_kept_where_only_it_was_observed() -> None:
    adapted = adaptation()
    for _ in range(100):
        adapted.observe(EIGHT, spent=80.0, done=8, operations=8)

    assert adapted.answer(EIGHT) == EIGHT


def test_one_failed_batch_moves_nothing() -> None:
    adapted = adaptation()
    for index in (FOUR, EIGHT):
        adapted.observe(index, spent=10.0, done=SIZES[index], operations=4)
    adapted.observe(EIGHT, spent=10.0, done=0, operations=8)

    assert adapted.answer(EIGHT) == EIGHT


def test_an_answer_moves_by_the_largest_step_at_most() -> None:
    adapted = adaptation()
    answers = [5]
    for _ in range(60):
        for index in range(len(SIZES)):
            adapted.observe(index, spent=4.0**index, done=1, operations=5)
        answers.append(adapted.answer(5))

    assert answers[-1] == 0
    assert max(abs(np.diff(answers))) == 1


def test_history_is_corrected_by_observed_costs() -> None:
    history = np.array([0.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
    adapted = adaptation()
    for _ in range(30):
        adapted.observe(1, spent=9.0, done=1, operations=5, history=history)
        adapted.observe(2, spent=1.0, done=1, operations=5, history=history)

    assert adapted.answer(1, history) == 2


def test_the_noise_is_estimated_from_the_repeats() -> None:
    rng = np.random.default_rng(1)
    adapted = adaptation()
    for _ in range(400):
        adapted.observe(EIGHT, spent=float(np.exp(0.5 * rng.normal())), done=1)

    assert adapted.noise == pytest.approx(0.25, rel=0.35)


def test_a_restored_state_answers_alike() -> None:
    first, second = adaptation(), adaptation()
    for _ in range(40):
        first.observe(EIGHT, spent=80.0, done=8, operations=8)
        first.observe(FOUR, spent=4.0, done=4, operations=4)
    second.restore(json.loads(json.dumps(first.to_json())))

    assert second.answer(EIGHT) == first.answer(EIGHT) == FOUR


def test_a_state_of_other_actions_is_refused() -> None:
    other = Adaptation(AdaptationSettings(), SIZES[:3])

    with pytest.raises(SchemaError, match="totals"):
        other.restore(adaptation().to_json())


@pytest.mark.parametrize("spent", [0.0, np.inf, np.nan])
def test_a_run_that_spent_nothing_finite_is_refused(spent: float) -> None:
    with pytest.raises(UsageError, match="spent above 0"):
        adaptation().observe(0, spent=spent, done=1)


@dataclass(frozen=True)
class Replay:
    """What adapting did over many batches, against the base alone."""

    excess: float
    reversals: int


def replayed(failures: float, *, siblings: bool, seed: int) -> Replay:
    rng = np.random.default_rng(seed)
    adapted = adaptation()
    mine, base_alone = np.zeros(2), np.zeros(2)
    own: list[int] = []
    for _ in range(300):
        base = int(rng.choice([FOUR, EIGHT]))
        index = adapted.answer(base)
        spent, done = run(rng, SIZES[index], failures, siblings=siblings)
        adapted.observe(index, spent=spent, done=done, operations=int(SIZES[index]))
        mine += (spent, done)
        base_alone += run(rng, SIZES[base], failures, siblings=siblings)
        if index != base:
            own.append(index)
    moves = np.diff(own)
    moves = moves[moves != 0]
    excess = np.log(mine[0] / mine[1]) - np.log(base_alone[0] / base_alone[1])
    return Replay(
        excess=float(excess), reversals=int((moves[1:] * moves[:-1] < 0).sum())
    )


def run(
    rng: np.random.Generator, size: float, failures: float, *, siblings: bool
) -> Floats:
    """One batch: a fixed cost, a cost for each call, failures that may cascade."""
    failed = rng.random(int(size)) < failures
    reached = int(size)
    if siblings and failed.any():
        reached = int(np.argmax(failed)) + 1
    seconds = (2.0 + 0.5 * reached) * np.exp(0.3 * rng.normal())
    return np.array([seconds, reached - failed[:reached].sum()])


@pytest.mark.parametrize("siblings", [False, True])
@pytest.mark.parametrize("failures", [0.03, 0.1, 0.2])
def test_ordinary_failures_make_it_neither_oscillate_nor_lose(
    failures: float, *, siblings: bool
) -> None:
    replays = [replayed(failures, siblings=siblings, seed=seed) for seed in range(4)]

    assert max(replay.reversals for replay in replays) <= 2
    assert np.mean([replay.excess for replay in replays]) <= 0.0
