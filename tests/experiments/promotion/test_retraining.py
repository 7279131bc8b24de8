"""The loop's state machine, killed at many points; training itself is stood in for."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.bundle_factory import SCHEMA, SIZES, small_bundle
from tests.kills import killed_at
from tests.thorough import sampled
from toolkit.bundle import read_bundle
from toolkit.environment import silence_telemetry
from toolkit.errors import GateRefusedError, NotEnoughDataError, UsageError
from toolkit.experiments.promotion import Releases, retraining
from toolkit.experiments.promotion import champion_challenger as contest
from toolkit.experiments.promotion.drift import drift_between
from toolkit.experiments.promotion.registry import Registry
from toolkit.experiments.promotion.releases import ReleaseState
from toolkit.experiments.training.tracking import own_warnings_ignored
from toolkit.models import DecisionTable, TableOrigin
from toolkit.policies import Problem
from toolkit.policies.rules import ConstantPolicy, named_rule

START = datetime(2026, 3, 1, tzinfo=UTC)
SPEC: Any = SimpleNamespace(
    decision="batch_size", seed=1, bundle=SimpleNamespace(name="batch-size")
)
STORE: Any = SimpleNamespace()


def table_of(weeks: list[float]) -> DecisionTable:
    """A table of some weeks, each with its best size: eight groups of two problems.

    Costs grow with the distance to the best size.
    """
    rule = named_rule("batch_size_rule", constant=4.0)
    problem = Problem.of("size", SIZES, operation_type="fileOperations", load_cpu=0.2)
    places = [(week, best, n) for week, best in enumerate(weeks) for n in range(16)]
    count = len(places)
    latest = tuple(START + timedelta(days=7 * week) for week, _, _ in places)
    return DecisionTable(
        name="batch_size",
        cost="seconds",
        schema=SCHEMA,
        problems=(problem,) * count,
        log_costs=tuple(
            np.abs(np.log(np.asarray(SIZES) / best)) * (1 + 0.01 * n)
            for _, best, n in places
        ),
        groups=tuple(f"w{week}g{n // 2}" for week, _, n in places),
        names=tuple(f"w{week}p{n}" for week, _, n in places),
        rules=(rule.decide(problem).index,) * count,
        weights=(np.ones(len(SIZES)),) * count,
        axes=(0,),
        served=(None,) * count,
        latest=latest,
        origin=TableOrigin(
            rows=count,
            groups=8 * len(weeks),
            fingerprint=f"{weeks}",
            first=START,
            last=max(latest, default=START),
            sources=("test",),
        ),
    )


def rows_of(weeks: list[float]) -> pd.DataFrame:
    """What drift is looked for in."""
    table = table_of(weeks)
    return pd.DataFrame({"at": map(pd.Timestamp, table.latest), "source_version": "1"})


SLOW = pytest.mark.slow
"""MLflow's registry takes more than a second to open."""


class World:
    """Weeks of history, a store of releases, and training that takes no time."""

    def __init__(self, home: Path, made: Path, patch: Callable[..., Any]) -> None:
        self.home = home
        self.made = made
        self.weeks: list[float] = []
        self.skill = 0.0
        patch(retraining, "compact_store", lambda _: None)
        patch(retraining, "history_rows", lambda *_: rows_of(self.weeks))
        patch(retraining, "table_of", lambda *_: table_of(self.weeks))
        patch(retraining, "run_experiment", self._run)

    def _run(self, *_: Any, **__: Any) -> Any:
        table = table_of(self.weeks)
        evaluation = SimpleNamespace(
            names=table.names,
            groups=table.groups,
            scores={
                "guarded": [self.skill] * len(table.names),
                "rule": [0.3] * len(table.names),
            },
        )
        bundle = self.made / f"v{len(self.weeks)}"
        return SimpleNamespace(
            bundle=bundle, evaluation=evaluation, model_uri=bundle.as_uri()
        )

    def retrain(self) -> retraining.Retraining:
        return retraining.retrain(
            SPEC,
            STORE,
            Releases(self.home),
            now=START,
            report=lambda *_: None,
        )

    def promote(self, version: str | None = None) -> retraining.Retraining:
        return retraining.promote(SPEC, STORE, Releases(self.home), version=version)

    def aliases(self) -> dict[str, str]:
        return Registry(self.home / "work", "batch-size").aliases()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for week in (1, 2, 3, 4):
        end = START + timedelta(days=7 * (week - 1))
        small_bundle(
            folder / f"v{week}",
            version=f"v{week}",
            training={"window": f"{START.isoformat()} to {end.isoformat()}"},
        )
    return folder


@pytest.fixture
def world(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "home" / "work").mkdir(parents=True)
    return World(tmp_path / "home", made, monkeypatch.setattr)


@SLOW
def test_the_first_challenger_replaces_the_rule(world: World) -> None:
    world.weeks = [20.0]
    answer = world.retrain()

    assert (answer.outcome, answer.champion) == ("promoted", "v1")
    assert read_bundle(Releases(world.home).current).manifest.version == "v1"
    assert world.aliases() == {"champion": "v1", "challenger": "v1"}


@SLOW
def test_the_same_records_again_change_nothing(world: World) -> None:
    world.weeks = [20.0]
    world.retrain()

    assert world.retrain().outcome == "no new records"


@SLOW
def test_a_challenger_that_is_no_better_leaves_the_champion(world: World) -> None:
    world.weeks = [20.0]
    world.retrain()
    world.weeks, world.skill = [20.0, 20.0], 5.0
    answer = world.retrain()

    assert (answer.outcome, answer.champion) == ("refused", "v1")
    assert world.aliases() == {"champion": "v1", "challenger": "v2"}


@SLOW
def test_a_challenger_better_than_a_bad_champion_must_beat_the_rule_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.weeks = [20.0]
    world.retrain()
    world.weeks, world.skill = [20.0, 4.0], 0.5  # the rule's score is 0.3
    monkeypatch.setattr(contest, "kept_policy", lambda *_: ConstantPolicy(20.0))
    answer = world.retrain()

    assert answer.promotion is not None
    assert (answer.promotion.champion, answer.promotion.promoted) == ("rule", False)
    assert answer.outcome == "demoted"


@SLOW
def test_a_champion_is_judged_on_the_newest_window_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.weeks = [20.0]
    world.retrain()
    world.skill = 9.0
    monkeypatch.setattr(contest, "kept_policy", lambda *_: ConstantPolicy(20.0))
    for best in (20.0, 20.0):
        world.weeks = [*world.weeks, best]
        assert world.retrain().champion == "v1"
    world.weeks = [*world.weeks, 4.0]
    answer = world.retrain()

    assert answer.demotion is not None
    assert (answer.outcome, answer.demotion.problems) == ("demoted", 16)


@SLOW
def test_a_better_challenger_replaces_the_champion_and_can_be_rolled_back(
    world: World,
) -> None:
    world.weeks = [20.0]
    world.retrain()
    world.weeks = [20.0, 1.0]
    assert world.retrain().champion == "v2"
    releases = Releases(world.home)
    registry = Registry(world.home / "work", "batch-size")
    releases.rollback()
    releases.settle(registry.alias)

    assert read_bundle(releases.current).manifest.version == "v1"
    assert registry.aliases()["champion"] == "v1"


@SLOW
def test_a_champion_that_the_world_has_left_behind_is_demoted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.weeks = [20.0]
    world.retrain()
    world.weeks, world.skill = [20.0, 4.0], 9.0
    monkeypatch.setattr(contest, "kept_policy", lambda *_: ConstantPolicy(20.0))
    answer = world.retrain()

    assert (answer.outcome, answer.champion) == ("demoted", None)
    assert answer.to_json()["demotion"]["challenger"] == "rule"
    assert not Releases(world.home).current.exists()
    assert "champion" not in world.aliases()


@SLOW
def test_a_challenger_that_was_rolled_back_is_promoted_again_by_the_gate(
    world: World,
) -> None:
    world.weeks = [20.0]
    world.retrain()
    Releases(world.home).rollback()
    answer = world.promote()

    assert (answer.outcome, answer.champion) == ("promoted", "v1")
    assert answer.promotion is not None
    assert Releases(world.home).current.exists()
    assert world.aliases() == {"champion": "v1", "challenger": "v1"}


@SLOW
def test_a_version_that_the_gate_refuses_is_not_promoted(world: World) -> None:
    world.weeks = [20.0]
    world.retrain()
    world.weeks, world.skill = [20.0, 20.0], 5.0
    world.retrain()
    answer = world.promote()

    assert (answer.outcome, answer.champion) == ("refused", "v1")
    assert world.aliases()["champion"] == "v1"


@SLOW
def test_an_older_version_is_judged_on_what_is_newer_than_its_window(
    world: World,
) -> None:
    world.weeks = [20.0]
    world.retrain()
    world.weeks = [20.0, 1.0]
    assert world.retrain().champion == "v2"
    answer = world.promote("v1")

    assert answer.promotion is not None
    assert (answer.promotion.problems, answer.champion) == (0, "v2")


@SLOW
def test_what_serves_already_is_left_alone(world: World) -> None:
    world.weeks = [20.0]
    world.retrain()

    assert world.promote().outcome == "already champion"


@SLOW
def test_a_version_that_is_not_kept_is_named_with_those_that_are(world: World) -> None:
    world.weeks = [20.0]
    world.retrain()
    Releases(world.home).rollback()

    with pytest.raises(UsageError, match="v1"):
        world.promote("v7")


def test_nothing_is_promoted_before_the_first_challenger(world: World) -> None:
    with pytest.raises(NotEnoughDataError):
        world.promote()


def test_two_at_once_are_refused(world: World) -> None:
    with Releases(world.home).locked(), pytest.raises(GateRefusedError):
        world.retrain()


def test_nothing_can_be_rolled_back_before_the_first_promotion(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughDataError):
        Releases(tmp_path).rollback()


@SLOW
def test_a_state_survives_its_round_trip(world: World) -> None:
    world.weeks = [20.0]
    world.retrain()
    releases = Releases(world.home)
    state = releases.state()
    releases.write(state)

    assert releases.state() == state
    assert state != ReleaseState()


WATCHED = (
    *("experiments/promotion/releases.py", "experiments/promotion/registry.py"),
    *("experiments/promotion/retraining.py", "export/writer.py"),
)
"""What changes something; the comparison of two bundles only computes."""


@pytest.mark.slow
# A process for each line at which it is killed, of them more than a hundred.
@pytest.mark.timeout(900)
def test_a_kill_at_any_point_leaves_what_can_be_loaded_and_finished(
    tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence_telemetry()
    with own_warnings_ignored():  # imported once here, not again in every child
        import_module("mlflow.store.model_registry.sqlalchemy_store")
        import_module("mlflow.store.tracking.sqlalchemy_store")
    base = tmp_path / "base"
    (base / "work").mkdir(parents=True)
    first = World(base, made, monkeypatch.setattr)
    first.weeks = [20.0]
    assert not killed_at(0, first.retrain)

    kills = 0
    for point in range(1, 1000, sampled(50, whole=3)):
        home = tmp_path / "run"
        shutil.copytree(base, home, symlinks=True)
        world = World(home, made, monkeypatch.setattr)
        world.weeks = [20.0, 1.0]
        killed = killed_at(point, world.retrain, watched=WATCHED)
        kills += killed
        version = read_bundle(Releases(home).current).manifest.version
        assert version in ("v1", "v2")
        _check_legal(home)
        if not killed:
            shutil.rmtree(home)
            break
        if kills % 4 == 0:
            assert not killed_at(0, world.retrain)
            assert read_bundle(Releases(home).current).manifest.version == "v2"
            assert not killed_at(0, partial(_check_registry, home))
        shutil.rmtree(home)
    assert kills >= sampled(6, whole=100)


def _check_legal(home: Path) -> None:
    """Read the registry's own tables: it is whole, and every alias names a version."""
    with closing(sqlite3.connect(home / "work" / "mlflow.db")) as registry:
        sound = registry.execute("PRAGMA integrity_check").fetchone()
        named = registry.execute(
            "SELECT alias, value FROM registered_model_aliases "
            "LEFT JOIN model_version_tags USING (name, version) "
            "WHERE key IS NULL OR key = 'bundle_version'"
        ).fetchall()
    assert sound == ("ok",)
    assert dict(named).keys() <= {"champion", "challenger"}
    assert dict(named)["champion"] in ("v1", "v2")
    for _, version in named:
        assert read_bundle(Releases(home).bundle(version)).manifest.version == version


def _check_registry(home: Path) -> None:
    aliases = Registry(home / "work", "batch-size").aliases()
    assert aliases == {"champion": "v2", "challenger": "v2"}


def frame_of(rows: int, *, load: float, start: datetime, version: str) -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    return pd.DataFrame(
        {
            "at": [pd.Timestamp(start)] * rows,
            "load_cpu": np.clip(rng.normal(load, 0.1, rows), 0, 1),
            "size": rng.integers(1, 10, rows),
            "source_version": version,
        }
    )


@pytest.mark.parametrize(
    ("load", "version", "cause"),
    [(0.3, "1", None), (0.7, "1", "work"), (0.7, "2", "harness")],
)
def test_drift_is_told_with_its_cause(load: float, version: str, cause: str) -> None:
    later = START + timedelta(days=7)
    frame = pd.concat(
        [
            frame_of(200, load=0.3, start=START, version="1"),
            frame_of(201, load=load, start=later, version=version),
        ]
    )
    drift = drift_between(frame, START.isoformat())

    assert drift.cause == cause
    assert [c.column for c in drift.columns] == (["load_cpu"] if cause else [])


def costs(rows: int, *, size: int, cycle_s: float, week: int) -> pd.DataFrame:
    rng = np.random.default_rng([rows, week])
    return pd.DataFrame(
        {
            "at": [pd.Timestamp(START + timedelta(days=7 * week))] * rows,
            "operation_type": "shell",
            "size": size,
            "cycle_s": cycle_s * np.exp(rng.normal(0, 0.1, rows)),
            "succeeded": size,
            "propensity": 0.5,
            "source_version": "1",
        }
    )


@pytest.mark.parametrize(
    ("cycle_s", "moved"), [(4.0, []), (8.0, ["log_cost of shell"])]
)
def test_advice_that_moves_sizes_is_no_drift_but_another_cost_of_a_size_is(
    cycle_s: float, moved: list[str]
) -> None:
    frame = pd.concat(
        [
            costs(80, size=2, cycle_s=4.0, week=0),
            costs(80, size=8, cycle_s=40.0, week=0),
            costs(120, size=2, cycle_s=cycle_s, week=1),
        ]
    )

    found = drift_between(frame, START.isoformat()).columns
    assert [column.column for column in found] == moved


def test_drift_of_a_few_rows_is_not_told() -> None:
    frame = pd.concat(
        [
            frame_of(200, load=0.3, start=START, version="1"),
            frame_of(20, load=0.9, start=START + timedelta(days=7), version="1"),
        ]
    )

    assert drift_between(frame, START.isoformat()).columns == ()


def test_what_the_gate_could_not_let_through_is_not_trained(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.weeks = [4.0]
    few = table_of(world.weeks).of_problems(range(6))
    rows = rows_of(world.weeks).assign(source="hooks", group="s1")
    monkeypatch.setattr(retraining, "table_of", lambda *_: few)
    monkeypatch.setattr(retraining, "history_rows", lambda *_: rows)
    monkeypatch.setattr(retraining, "run_experiment", None)
    found = world.retrain()

    assert (found.outcome, found.champion) == ("not enough data", None)
    assert found.promotion is not None
    assert (found.promotion.groups, found.promotion.groups_needed) == (3, 6)
    assert "hooks install --advice on" in found.promotion.reason
    with pytest.raises(NotEnoughDataError, match="3 groups, at least 6 needed"):
        found.promotion.require()
