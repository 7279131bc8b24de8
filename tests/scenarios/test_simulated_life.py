"""Three weeks of a simulated swarm, through the installed hooks, training and advice.

Week one: the rule serves, and sizes are explored. Week two: the model that the gate let
through advises. Week three: the world has changed, and the champion is demoted. One test,
since each week stands on the one before; its figures are printed (`pytest -s`).
"""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.scenarios.simulated_life import Harness, Life, Played
from tests.thorough import sampled
from toolkit.cli import run
from toolkit.history import RecordStore
from toolkit.metrics import BootstrapInterval, cluster_bootstrap, group_totals
from toolkit.metrics.bootstrap import LogRatioOfRatios
from toolkit.records import Batch
from toolkit.testing.simulator import SimulatedSwarm
from toolkit.testing.simulator.truth import BatchTruth

# A swarm lives for weeks of its clock, and is trained on.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

START = datetime(2026, 1, 5, tzinfo=UTC)

WORLD = {
    "fileOperations": BatchTruth(
        turn_s=3.0, operation_s=0.5, pair_s=0.3, failure_rate=0.02
    ),
    "shell": BatchTruth(turn_s=8.0, operation_s=0.3, pair_s=0.1, failure_rate=0.02),
}
"""Files contend and shells wait: the best sizes are 2 to 3 and 6 to 8, the rule's 6 to 10
and 2 to 4."""

CHANGED = {
    "fileOperations": BatchTruth(
        turn_s=20.0, operation_s=0.5, pair_s=0.02, failure_rate=0.02
    ),
    "shell": BatchTruth(turn_s=2.0, operation_s=0.3, pair_s=1.5, failure_rate=0.02),
}
"""The other way round: the best sizes are above 15 and 1."""

SPEC = """
name = "life"
decision = "batch_size"
question = "Which batch size is cheapest for a swarm whose best sizes are known?"
seed = 1
[data]
context = ["load_cpu", "load_memory", "read_share"]
[split]
outer_folds = 4
inner_folds = 2
[search]
trials = 1
MEMBERS
[guard]
level = 0.9
[bundle]
name = "batch-size"
"""

MEMBERS = sampled(
    'members = ["quadratic"]', whole='members = ["quadratic", "process, all columns"]'
)


ALONE = sampled(2, whole=6)
"""Batches at the beginning of some sessions of which every event is a process of its own."""


@dataclass
class World:
    """A project with installed hooks, its store, and the figures of its weeks."""

    project: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def store(self) -> Path:
        return self.project / ".toolkit"

    @property
    def current(self) -> Path:
        return self.store / "models" / "batch-size" / "current"

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Run a command of the toolkit; its exit code, and its one JSON object."""
        self.capsys.readouterr()
        code = run([*words, "--json"])
        out, err = self.capsys.readouterr()
        assert out, err
        return code, json.loads(out)

    def retrain(self) -> tuple[int, dict[str, Any]]:
        return self.run("experiment", "retrain", *self._of_the_store())

    def promote(self, version: str) -> tuple[int, dict[str, Any]]:
        return self.run("model", "promote", version, *self._of_the_store())

    def _of_the_store(self) -> list[str]:
        spec = self.project / "spec.toml"
        spec.write_text(SPEC.replace("MEMBERS", MEMBERS))
        return ["--store", str(self.store), "--spec", str(spec)]

    def batches(self, week: int) -> list[Batch]:
        """What the store holds of a week, in the order of time."""
        begin, end = (START + timedelta(days=7 * n) for n in (week - 1, week))
        with RecordStore(self.store) as store:
            found = list(store.dataset.scan("batch"))
        return [b for b in found if isinstance(b, Batch) and begin <= b.at < end]

    def say(self, text: str) -> None:
        with self.capsys.disabled():
            sys.stdout.write(f"\n{text}")


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    made = World(tmp_path, capsys)
    words = ["--advice", "on", "--bundle", str(made.current), "--explore", "0.4"]
    code, _ = made.run("hooks", "install", "--project", str(tmp_path), *words)
    assert code == 0
    return made


def change(
    first: list[tuple[int, float, float]], second: list[tuple[int, float, float]]
) -> BootstrapInterval:
    """Log of first over second cost per success; pairs of sessions are resampled.

    Parameters
    ----------
    first, second : list of (session, seconds, successes)
    """
    totals = []
    for rows in (first, second):
        sessions, seconds, successes = zip(*rows, strict=True)
        totals.append(group_totals([seconds, successes], sessions)[0])
    return cluster_bootstrap(
        np.hstack(totals), LogRatioOfRatios(), rng=np.random.default_rng(0)
    )


def outcomes(batches: list[Batch]) -> list[tuple[int, float, float]]:
    """Session number, cycle and successes of recorded batches whose cost is known."""
    return [
        (int(str(b.session_id).split("-")[1]), b.cycle_s, b.succeeded)
        for b in batches
        if b.cycle_s and b.succeeded
    ]


def twins(played: Played) -> BootstrapInterval:
    """What the week cost over what the rule's sizes would have cost, with equal luck."""
    return change(
        [(n, b.cycle_s or 0.0, b.succeeded or 0.0) for n, b, _ in played.twins],
        [(n, t.cycle_s or 0.0, t.succeeded or 0.0) for n, _, t in played.twins],
    )


def shown(name: str, interval: BootstrapInterval) -> str:
    low, middle, high = (
        f"{100 * np.expm1(value):+.1f} %"
        for value in (interval.low, interval.estimate, interval.high)
    )
    return f"{name}: {middle} [{low}, {high}], {interval.groups} sessions"


def test_a_swarm_learns_is_advised_does_better_and_is_left_alone_when_the_world_changes(
    world: World,
) -> None:
    harness = Harness(world.project, np.random.default_rng(5))
    life = Life(harness=harness, draw=np.random.default_rng(6), alone_batches=ALONE)
    swarm = SimulatedSwarm(seed=1, noise=0.05, batch_truths=WORLD)

    # Week one: nothing serves but the rule, and sizes are drawn around it.
    one = life.week(swarm, START)
    code, answer = world.retrain()
    first = world.batches(1)
    drawn = [b for b in first if b.context_id is not None]
    champion = answer["champion"]
    world.say(f"week 1: {len(first)} batches, {len(drawn)} of drawn sizes; {code}: ")
    world.say(f"  {answer['outcome']}: {answer['promotion']['reason']}")
    assert (code, answer["outcome"]) == (0, "promoted"), answer
    assert one.advised == 0
    assert len(first) == len(one.twins)
    assert all(0 < (b.propensity or 0) < 1 for b in drawn)
    assert all(b.policy == "rule+explore" for b in drawn)

    # Week two: the running hooks find the champion's table; nobody installs it.
    two = life.week(swarm, START + timedelta(days=7))
    code, answer = world.retrain()
    second = world.batches(2)
    better, twin = change(outcomes(second), outcomes(first)), twins(two)
    world.say(f"week 2: advised {two.advised} times, tried {two.tried}; {code}: ")
    world.say(f"  {answer['outcome']}: {answer['promotion']['reason']}")
    world.say("  " + shown("cost per success, week 2 over week 1", better))
    world.say("  " + shown("cost per success, week 2 over the rule's sizes", twin))
    assert two.advised > 0
    assert {b.policy_version for b in second if b.context_id} == {champion}
    assert better.high < 0
    assert twin.high < 0
    assert answer["champion"] is not None
    # The advice follows the load, so costs of one size come from other loads than before:
    # at the border of what counts as drift, and not enough to say that the world changed.
    assert code != 6
    assert all(column["effect"] < 0.6 for column in answer["drift"]["columns"])

    # Week three: the best sizes move, the advice is wrong, and the gate takes it back.
    changed = SimulatedSwarm(seed=1, noise=0.05, batch_truths=CHANGED)
    three = life.week(changed, START + timedelta(days=14))
    code, answer = world.retrain()
    worse = twins(three)
    world.say(f"week 3: advised {three.advised} times; {code}: {answer['outcome']}")
    world.say(f"  the rule instead: {answer['demotion']['reason']}")
    world.say("  " + shown("cost per success, week 3 over the rule's sizes", worse))
    world.say(f"  drift: {answer['drift']}")
    assert worse.low > 0
    assert (code, answer["outcome"]) == (6, "demoted")
    assert answer["champion"] is None
    assert answer["demotion"]["outcome"] == "promoted"
    assert answer["drift"]["cause"] == "work"
    assert not world.current.exists()

    # What was taken back does not return past the gate.
    code, answer = world.promote(champion)
    world.say(f"the old champion again: {code}: {answer['promotion']['reason']}")
    assert code in (4, 5)
    assert answer["champion"] is None

    # The next day nobody is advised any more; sizes are drawn around the rule again.
    life.sessions = 3
    after = life.week(changed, START + timedelta(days=21))
    world.say(f"after: advised {after.advised} times, tried {after.tried}")
    world.say(f"{harness.fired} events, {harness.processes} of them processes\n")
    assert after.advised == 0
    assert after.tried > 0
    assert harness.processes >= 100
