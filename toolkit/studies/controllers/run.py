"""Runs experiment 006: a race of controllers on every table of a specification."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from toolkit.bundle import Bundle
from toolkit.errors import InputDataError
from toolkit.experiments.tables import (
    FullFactorial,
    MeasuredReplay,
    read_measured,
)
from toolkit.experiments.training import (
    read_spec,
    read_spec_file,
    table_of,
    write_results,
)
from toolkit.studies.controllers.racing import Race, RaceResult, race
from toolkit.studies.controllers.shipped import (
    STARTED,
    OptimizerDesign,
    bundles_of_others,
    race_optimizer,
    replayed_contexts,
)

__all__ = ["ControllersSpec", "read_controllers_spec", "run_controllers"]

STILL, CHANGING = "synthetic", "synthetic busier later"
REPLAY = "sample "
"""Before `batches` or `graphs`: measured records are replayed, not a table."""
OPTIMIZER = "optimizer"
"""The optimizer that ships, on the measured batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerSpec:
    """How the optimizer that ships is raced.

    Attributes
    ----------
    experiment : str
        `spec.toml` that its bundles are trained by, from the project's root.
    folds : int
        Bundles, each trained without a part of the groups; 0 races on the rules only.
    batches : int
        Of each context.
    explore : tuple of float
        Shares of the answers that are drawn; each is a separate race.
    """

    experiment: str = "experiments/001-batch-size/spec.toml"
    folds: int = 4
    batches: int = 200
    explore: tuple[float, ...] = (0.0, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllersSpec:
    """All there is to choose.

    Attributes
    ----------
    seed : int
    tables : tuple of str
        `FILE:COST` without `.csv.gz`; `synthetic` and `synthetic busier later` are made;
        `sample batches:time` and `sample graphs:time` replay measured records, and
        `optimizer` races the optimizer that ships on the measured batches.
    records : str
        Folder of the records to replay, from the project's root.
    load : float
        Factor on contention in the second half of the latter.
    race : Race
    optimizer : OptimizerSpec
    """

    seed: int
    tables: tuple[str, ...]
    records: str = "data/sample"
    load: float = 8.0
    race: Race = field(default_factory=Race)
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)


def read_controllers_spec(path: Path) -> ControllersSpec:
    """Read `spec.toml`.

    Parameters
    ----------
    path : path

    Returns
    -------
    ControllersSpec

    Raises
    ------
    InputDataError
        Not readable, or with a field that is not known.
    """

    def build(raw: dict[str, Any]) -> ControllersSpec:
        optimizer = raw.pop("optimizer", {})
        if "explore" in optimizer:
            optimizer["explore"] = tuple(optimizer["explore"])
        return ControllersSpec(
            optimizer=OptimizerSpec(**optimizer),
            seed=raw.pop("seed"),
            tables=tuple(raw.pop("tables")),
            race=Race(**raw.pop("race", {})),
            **raw,
        )

    return read_spec_file(
        path,
        build,
        what="controllers",
        example="experiments/006-controllers/spec.toml",
    )


def run_controllers(
    spec: ControllersSpec,
    *,
    tables: Path | None,
    results: Path,
    report: Callable[[float, float, str], None],
) -> dict[str, Any]:
    """Race on every table and write the results.

    Parameters
    ----------
    spec : ControllersSpec
    tables : path, optional
        Directory of the decision tables; not needed for synthetic ones.
    results : path
        JSON file.
    report : callable
        Called with done, total and what.

    Returns
    -------
    dict
        What was written, in JSON types.

    Raises
    ------
    InputDataError
        A table is not there.
    """
    races: list[dict[str, Any]] = []
    found: dict[str, Any] = {"spec": asdict(spec), "races": races}
    for number, name in enumerate(spec.tables):
        report(number, len(spec.tables), name)
        if name == OPTIMIZER:
            found["optimizer"] = _raced_optimizer(
                spec, partial(report, number, len(spec.tables))
            )
        else:
            races.append(_raced(spec, name, tables).to_json())
    write_results(results, found)
    return found


def _raced_optimizer(
    spec: ControllersSpec, report: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Race the optimizer on the rules and on bundles, alone and shared."""
    design = read_spec(Path(spec.optimizer.experiment))
    table = table_of(design, read_measured(Path(spec.records), "batches"))
    contexts = replayed_contexts(table)
    found = []
    with TemporaryDirectory() as folder:
        forms: list[dict[str, Bundle]] = [{}]
        if spec.optimizer.folds:
            forms.append(
                bundles_of_others(
                    table,
                    design,
                    folds=spec.optimizer.folds,
                    work=Path(folder),
                    now=STARTED,
                    report=report,
                )
            )
        for bundles in forms:
            for shared in (False, True):
                for explore in spec.optimizer.explore:
                    report(f"optimizer, {'bundle' if bundles else 'rules'}")
                    run = OptimizerDesign(
                        seed=spec.seed,
                        batches=spec.optimizer.batches,
                        explore=explore,
                        shared=shared,
                    )
                    found += [
                        {"shared": shared, "explore": explore, **each.to_json()}
                        for each in race_optimizer(contexts, bundles, run)
                    ]
    return found


def _raced(spec: ControllersSpec, name: str, tables: Path | None) -> RaceResult:
    file, _, cost = name.partition(":")
    rng = np.random.default_rng(spec.seed)
    if file.startswith(REPLAY):
        replay = MeasuredReplay.read(Path(spec.records), file.removeprefix(REPLAY))
        return race(replay.table, cost, spec.race, rng=rng, replay=replay)
    later: FullFactorial | None = None
    if file in (STILL, CHANGING):
        table = _synthetic(spec, file, load=1.0)
        if file == CHANGING:
            later = _synthetic(spec, file, load=spec.load)
    elif tables is None:
        raise InputDataError(
            f"table `{name}` is not at hand", fix="give the directory with --tables"
        )
    else:
        table = FullFactorial.read(tables / f"{file}.csv.gz", cost=cost)
    return race(table, cost, spec.race, rng=rng, later=later)


def _synthetic(spec: ControllersSpec, name: str, *, load: float) -> FullFactorial:
    """Make a table whose cost is the power knee, n T^2, of a scaling law."""
    from dataclasses import replace

    table = FullFactorial.synthetic(np.random.default_rng(spec.seed), load=load)
    knee = 2 * table.log_costs + table.sizes * np.log(2)
    return replace(table, log_costs=knee, name=f"{name} knee")
