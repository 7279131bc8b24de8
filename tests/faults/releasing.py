"""Export, promotion, rollback and retraining of a model."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bundle_factory import small_bundle
from tests.faults.operation import Operation
from toolkit.bundle import read_bundle
from toolkit.cli import run
from toolkit.history import RecordStore, read_store
from toolkit.records import Batch, Provenance

__all__ = ["RELEASING"]

SPEC = str(Path("experiments/001-batch-size/spec.toml").resolve())
SMALL = """
name = "small"
decision = "batch_size"
question = "A small one."
seed = 1
[data]
context = ["load_cpu"]
[split]
outer_folds = 2
inner_folds = 2
[search]
trials = 1
members = ["constant"]
[guard]
assumes = "normal"
minimum_support = 1
[bundle]
name = "small"
"""
"""The least that is trained, judged and promoted in earnest."""


def _version(bundle: Path) -> str:
    return read_bundle(bundle).manifest.version


def _prepare_export(folder: Path) -> None:
    small_bundle(folder / "run" / "bundle", version="v2")
    small_bundle(folder / "served", version="v1")


def _export(folder: Path) -> int:
    words = ["model", "export", str(folder / "run"), str(folder / "served"), "--json"]
    return run(words)


def _check_export(folder: Path, *, acknowledged: bool) -> None:
    """The bundle in use is whole at any moment, the one before or the new one."""
    assert _version(folder / "served") in (("v2",) if acknowledged else ("v1", "v2"))
    assert _export(folder) == 0
    assert _version(folder / "served") == "v2"


def _made(folder: Path) -> Path:
    return folder / "made"


@contextmanager
def _world(folder: Path, weeks: list[float]) -> Iterator[None]:
    """Stand in for training meanwhile: weeks of history, and a bundle for each."""
    import pytest

    from tests.experiments.promotion.test_retraining import World

    with pytest.MonkeyPatch.context() as patch:
        world = World(_home(folder), _made(folder), patch.setattr)
        world.weeks = weeks
        yield


def _home(folder: Path) -> Path:
    return folder / "store" / "models" / "batch-size"


def _prepare_releases(folder: Path) -> None:
    """Make releases with a champion and the one before it."""
    from tests.experiments.promotion.test_retraining import START

    for week in (1, 2, 3):
        end = START + timedelta(days=7 * (week - 1))
        window = f"{START.isoformat()} to {end.isoformat()}"
        target = _made(folder) / f"v{week}"
        shutil.rmtree(target, ignore_errors=True)
        small_bundle(target, version=f"v{week}", training={"window": window})
    (_home(folder) / "work").mkdir(parents=True)
    for weeks in ([20.0], [20.0, 1.0]):
        with _world(folder, weeks):
            assert _retrained(folder) == 0
    assert _champion(folder) == "v2"


def _prepare_challenger(folder: Path) -> None:
    """Make releases whose champion was rolled back: it may be promoted again."""
    _prepare_releases(folder)
    assert _rollback(folder) == 0


def _champion(folder: Path) -> str:
    return _version(_home(folder) / "current")


def _words(folder: Path) -> list[str]:
    return ["--store", str(folder / "store"), "--spec", SPEC, "--json"]


def _retrained(folder: Path) -> int:
    return run(["experiment", "retrain", *_words(folder)])


def _retrain(folder: Path) -> int:
    with _world(folder, [20.0, 1.0, 1.0]):
        return _retrained(folder)


def _promote(folder: Path) -> int:
    with _world(folder, [20.0, 1.0]):
        return run(["model", "promote", "v2", *_words(folder)])


def _rollback(folder: Path) -> int:
    return run(["model", "rollback", "--store", str(folder / "store"), "--json"])


def _check_retrain(folder: Path, *, acknowledged: bool) -> None:
    assert _champion(folder) in (("v3",) if acknowledged else ("v2", "v3"))
    assert _retrain(folder) == 0
    assert _champion(folder) == "v3"
    assert _aliases(folder)["champion"] == "v3"


def _check_promote(folder: Path, *, acknowledged: bool) -> None:
    assert _champion(folder) in (("v2",) if acknowledged else ("v1", "v2"))
    assert _promote(folder) == 0
    assert _champion(folder) == "v2"
    assert _aliases(folder)["champion"] == "v2"


def _check_rollback(folder: Path, *, acknowledged: bool) -> None:
    """A rollback is done or not; what agrees with the truth is settled by the next."""
    from toolkit.experiments.promotion import Releases
    from toolkit.experiments.promotion.registry import Registry

    releases = Releases(_home(folder))
    champion = releases.state().champion
    assert champion in (("v1",) if acknowledged else ("v1", "v2"))
    assert _champion(folder) in ("v1", "v2")
    releases.settle(Registry(_home(folder) / "work", "batch-size").alias)
    assert _champion(folder) == champion
    assert _rollback(folder) == 0
    other = {"v1": "v2", "v2": "v1"}[str(champion)]
    assert _champion(folder) == other
    assert _aliases(folder)["champion"] == other


def _aliases(folder: Path) -> dict[str, str]:
    from toolkit.experiments.promotion.registry import Registry

    return Registry(_home(folder) / "work", "batch-size").aliases()


def _prepare_training(folder: Path) -> None:
    """Make releases by training, and records that have come since."""
    folder.mkdir()
    (folder / "spec.toml").write_text(SMALL)
    _measure(folder, week=0)
    assert _trained(folder) == 4  # six groups do not convince the gate
    _measure(folder, week=1)
    assert run(["records", "compact", "--store", str(folder / "store"), "--json"]) == 0


def _measure(folder: Path, *, week: int) -> None:
    """Add six groups that all run best one at a time: as few as are trained from."""
    begin = datetime(2026, 1, 5, week, tzinfo=UTC)
    with RecordStore(folder / "store") as store:
        for number in range(60):
            group, size = number // 10, (1, 16)[number % 2]
            cycle_s = 0.1 + 0.2 * size + 0.05 * size**2 + 0.001 * number
            store.add(
                Batch(
                    record_id=f"w{week}n{number:02d}",
                    at=begin + timedelta(seconds=60 * number),
                    source="test",
                    provenance=Provenance.MEASURED,
                    operation_type="fileOperations",
                    size=size,
                    session_id=f"w{week}s{group}",
                    agent_id="main",
                    context_id=f"w{week}g{group}",
                    group_id=f"w{week}g{group}",
                    cycle_s=cycle_s,
                    execution_s=cycle_s - 0.1,
                    turn_s=0.1,
                    operation_bytes=100.0,
                    load_cpu=0.1,
                    succeeded=size,
                    failed=0,
                    cancelled=0,
                )
            )


def _trained(folder: Path) -> int:
    words = ["--store", str(folder / "store"), "--spec", str(folder / "spec.toml")]
    return run(["experiment", "retrain", *words, "--json"])


def _check_training(folder: Path, *, acknowledged: bool) -> None:
    """What was learned of twelve groups serves, or nothing does; the next run ends it."""
    home = folder / "store" / "models" / "small"
    served = _version(home / "current") if (home / "current").exists() else None
    assert served or not acknowledged
    assert _trained(folder) == 0
    assert served in (None, _version(home / "current")), "trained twice"
    assert len(list(read_store(folder / "store").scan("batch"))) == 120
    assert read_bundle(home / "work" / "bundle").manifest.metrics is not None


WARM = ("toolkit.environment", "onnxruntime", "toolkit.cli.model.advice")
WARM_REGISTRY = (
    *WARM,
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "tests.experiments.promotion.test_retraining",
)

DATABASES = ("mlflow.db", "optuna.journal", "/work")
"""Three thousand calls of a training, in some forty transactions: others go through them."""

RELEASING: Mapping[str, Operation] = {
    "export": Operation(_prepare_export, _export, _check_export, WARM),
    "retrain": Operation(
        _prepare_releases, _retrain, _check_retrain, WARM_REGISTRY, True
    ),
    "train": Operation(
        _prepare_training,
        _trained,
        _check_training,
        WARM_REGISTRY,
        True,
        passed=DATABASES,
    ),
    "promote": Operation(
        _prepare_challenger, _promote, _check_promote, WARM_REGISTRY, True
    ),
    "rollback": Operation(
        _prepare_releases, _rollback, _check_rollback, WARM_REGISTRY, True
    ),
}
