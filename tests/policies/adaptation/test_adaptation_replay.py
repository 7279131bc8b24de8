"""The answer follows what runs cost: safely, in bounded steps, without oscillating."""

import math
from itertools import pairwise

import numpy as np
import pytest

from toolkit.policies import Floats
from toolkit.policies.adaptation import Adaptation, AdaptationSettings

SIZES = np.array([1.0, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20])
RULE = 6
"""Place of 8."""

NOISE = 0.31
"""Standard deviation of one batch's log cost, as measured on the sample."""

CLASSES = [(0.03, "none"), (0.1, "siblings"), (0.2, "siblings"), (0.2, "all")]
"""Share of operations that fail, and whom else a failure takes along."""


class Swarm:
    """Batches that cost a turn, time for each operation, and contention."""

    def __init__(
        self,
        *,
        turn: float = 5.0,
        contention: float = 0.05,
        failures: float = 0.0,
        cascade: str = "none",
        seed: int = 0,
    ) -> None:
        self.turn = turn
        self.contention = contention
        self.failures = failures
        self.cascade = cascade
        self.random = np.random.default_rng(seed)

    def run(self, size: float) -> tuple[float, float]:
        """Run one batch: seconds, and operations that succeeded."""
        count = int(size)
        failed = self.random.random(count) < self.failures
        began, done = count, float(count - failed.sum())
        if failed.any() and self.cascade != "none":
            began = int(failed.argmax()) + 1
            done = 0.0 if self.cascade == "all" else began - 1.0
        noise = math.exp(self.random.normal(0, NOISE))
        return (self.turn + began + self.contention * size**2) * noise, done

    def costs(self) -> Floats:
        """Measure the cost of each size, from many batches."""
        means = []
        for size in SIZES:
            runs = np.array([self.run(size) for _ in range(400)])
            means.append(runs[:, 0].sum() / runs[:, 1].sum())
        return np.array(means)


def replay(
    swarm: Swarm,
    steps: int,
    *,
    share: float = 0.0,
    settings: AdaptationSettings | None = None,
) -> tuple[list[int], list[int]]:
    """Let an adaptation choose; give the places taken, and the answers."""
    adaptation = Adaptation(settings or AdaptationSettings(), SIZES)
    random = np.random.default_rng(1)
    taken, answers = [], []
    for _ in range(steps):
        answers.append(adaptation.answer(RULE))
        place = answers[-1]
        if share:
            chances = adaptation.chances(RULE, share=share)
            place = int(random.choice(len(chances), p=chances))
        taken.append(place)
        spent, done = swarm.run(SIZES[place])
        adaptation.observe(place, spent=spent, done=done, operations=int(SIZES[place]))
    return taken, answers


def changes(places: list[int]) -> int:
    return sum(a != b for a, b in pairwise(places))


def test_without_runs_the_answer_is_the_ladders() -> None:
    adaptation = Adaptation(AdaptationSettings(), SIZES)

    assert [adaptation.answer(place) for place in range(len(SIZES))] == list(
        range(len(SIZES))
    )


def test_three_hundred_batches_that_cost_ten_times_as_much_end_elsewhere() -> None:
    adaptation = Adaptation(AdaptationSettings(), SIZES)
    random = np.random.default_rng(0)
    for step in range(300):
        place, cost = ((3, 1.0), (RULE, 10.0))[step % 2]
        spent = cost * SIZES[place] * math.exp(random.normal(0, NOISE))
        adaptation.observe(
            place, spent=spent, done=SIZES[place], operations=int(SIZES[place])
        )
        adaptation.answer(RULE)

    assert SIZES[adaptation.answer(RULE)] <= 4


@pytest.mark.slow
@pytest.mark.parametrize(("failures", "cascade"), CLASSES)
def test_exploring_is_never_5_percent_dearer_than_the_rule_and_closes_half_the_gap(
    failures: float, cascade: str
) -> None:
    slowdowns, rules, later = [], [], []
    for turn, contention in [(1.0, 0.3), (30.0, 0.01)]:
        swarm = Swarm(
            turn=turn, contention=contention, failures=failures, cascade=cascade
        )
        logs = np.log(swarm.costs())
        regret = logs - logs.min()
        taken, _ = replay(swarm, 300, share=0.2)
        slowdowns.append(float(regret[taken].mean()))
        later.append(float(regret[taken[150:]].mean()))
        rules.append(float(regret[RULE]))

    assert np.mean(slowdowns) - np.mean(rules) < math.log(1.05)
    assert np.mean(later) <= 0.5 * np.mean(rules)


@pytest.mark.slow
@pytest.mark.parametrize(("failures", "cascade"), CLASSES)
def test_it_settles_whatever_share_of_the_operations_fails(
    failures: float, cascade: str
) -> None:
    swarm = Swarm(failures=failures, cascade=cascade)
    _, answers = replay(swarm, 300, share=0.2)

    assert changes(answers[150:]) <= 0.05 * 150


def test_alternating_load_does_not_make_the_answer_alternate() -> None:
    adaptation = Adaptation(AdaptationSettings(), SIZES)
    swarm, random, answers = Swarm(), np.random.default_rng(2), []
    for step in range(200):
        answers.append(adaptation.answer(RULE))
        chances = adaptation.chances(RULE, share=0.2)
        place = int(random.choice(len(chances), p=chances))
        spent, done = swarm.run(SIZES[place])
        load = 2.0 if (step // 3) % 2 else 0.5
        adaptation.observe(place, spent=load * spent, done=done, operations=8)

    assert changes(answers) <= 20


def test_an_answer_moves_by_the_largest_step_in_one_adjustment() -> None:
    settings = AdaptationSettings(largest_step=2.0)
    _, answers = replay(Swarm(turn=60, contention=0), 200, share=0.3, settings=settings)
    steps = [SIZES[b] / SIZES[a] for a, b in pairwise(answers) if a != b]

    assert steps
    assert all(1 / 2.01 <= step <= 2.01 for step in steps)


def test_constant_timeouts_drive_the_size_down_and_keep_it_there() -> None:
    adaptation = Adaptation(AdaptationSettings(), SIZES)
    sizes = []
    for _ in range(120):
        place = adaptation.answer(RULE)
        sizes.append(SIZES[place])
        adaptation.observe(place, spent=10.0, done=0.0, operations=8)

    assert sizes[-1] == 1
    assert sizes == sorted(sizes, reverse=True)


def test_a_size_that_failed_altogether_is_taken_again_when_it_is_forgotten() -> None:
    adaptation = Adaptation(AdaptationSettings(memory=20), SIZES)
    for _ in range(12):
        place = adaptation.answer(RULE)
        adaptation.observe(place, spent=10.0, done=0.0, operations=8)
    fled = adaptation.answer(RULE)
    for _ in range(300):
        place = adaptation.answer(RULE)
        spent, done = Swarm().run(SIZES[place])
        adaptation.observe(place, spent=spent, done=done, operations=8)

    assert fled < RULE
    assert adaptation.answer(RULE) >= RULE


def test_a_few_noisy_own_runs_leave_a_good_answer_alone() -> None:
    swarm = Swarm(turn=5.0, contention=0.05)
    logs = np.log(swarm.costs())
    best = int(np.argmin(logs))
    losses = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        adaptation = Adaptation(AdaptationSettings(), SIZES)
        for place in random.choice(len(SIZES), 3, replace=False):
            spent = math.exp(logs[place] + random.normal(0, NOISE)) * SIZES[place]
            adaptation.observe(int(place), spent=spent, done=SIZES[place], operations=8)
        losses.append(logs[adaptation.answer(best)] - logs[best])

    assert np.mean(losses) < 0.01


def test_a_wrong_history_yields() -> None:
    history = np.log(1 + np.abs(np.log(SIZES / 20)))
    base = int(np.argmin(history))
    swarm = Swarm(turn=5.0, contention=0.3)
    adaptation = Adaptation(AdaptationSettings(), SIZES)
    random = np.random.default_rng(3)
    for _ in range(200):
        chances = adaptation.chances(base, history, share=0.2)
        place = int(random.choice(len(chances), p=chances))
        spent, done = swarm.run(SIZES[place])
        adaptation.observe(place, spent=spent, done=done, operations=8, history=history)
    costs = swarm.costs()

    assert costs[adaptation.answer(base, history)] < 0.6 * costs[base]


def test_chances_are_a_distribution_and_repeat() -> None:
    adaptation = Adaptation(AdaptationSettings(), SIZES)
    for place in (3, 6, 8):
        adaptation.observe(place, spent=5.0, done=4.0, operations=5)
    chances = adaptation.chances(RULE, share=0.2)

    assert chances.sum() == pytest.approx(1)
    assert chances[adaptation.answer(RULE)] >= 0.8
    assert (chances == adaptation.chances(RULE, share=0.2)).all()


def test_costs_at_the_ends_of_the_number_range_leave_the_posterior_finite() -> None:
    adaptation = Adaptation(AdaptationSettings(), SIZES)
    for place, spent in [(0, 1e150), (6, 1e-150), (3, 1.0)]:
        adaptation.observe(place, spent=spent, done=1.0, operations=8)

    assert np.isfinite(adaptation.curve()[0]).all()
