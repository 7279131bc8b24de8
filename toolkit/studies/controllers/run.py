"""Runs experiment 006: a race of controllers on every table of a specification."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import InputDataError
from toolkit.experiments.tables import (
    FullFactorial,
    read_decision_table,
    read_replay,
    synthetic_full_factorial,
)
from toolkit.experiments.training import read_spec_file, write_results
from toolkit.studies.controllers.racing import Race, RaceResult, race

__all__ = ["ControllersSpec", "read_controllers_spec", "run_controllers"]

STILL, CHANGING = "synthetic", "synthetic busier later"
REPLAY = "sample "
"""Before `batches` or `graphs`: measured records are replayed, not a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllersSpec:
    """All there is to choose.

    Attributes
    ----------
    seed : int
    tables : tuple of str
        `FILE:COST` without `.csv.gz`; `synthetic` and `synthetic busier later` are made;
        `sample batches:time` and `sample graphs:time` replay measured records.
    records : str
        Folder of the records to replay, from the project's root.
    load : float
        Factor on contention in the second half of the latter.
    race : Race
    """

    seed: int
    tables: tuple[str, ...]
    records: str = "data/sample"
    load: float = 8.0
    race: Race = field(default_factory=Race)


def read_controllers_spec(path: Path) -> ControllersSpec:
    """Read `spec.toml`.

    Raises
    ------
    InputDataError
        Not readable, or with a field that is not known.
    """

    def build(raw: dict[str, Any]) -> ControllersSpec:
        return ControllersSpec(
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
        Told done, total and what.

    Raises
    ------
    InputDataError
        A table is not there.
    """
    races = []
    for number, name in enumerate(spec.tables):
        report(number, len(spec.tables), name)
        races.append(_raced(spec, name, tables).to_json())
    found = {"spec": asdict(spec), "races": races}
    write_results(results, found)
    return found


def _raced(spec: ControllersSpec, name: str, tables: Path | None) -> RaceResult:
    file, _, cost = name.partition(":")
    rng = np.random.default_rng(spec.seed)
    if file.startswith(REPLAY):
        replay = read_replay(Path(spec.records), file.removeprefix(REPLAY))
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
        table = FullFactorial.of(read_decision_table(tables / f"{file}.csv.gz", cost))
    return race(table, cost, spec.race, rng=rng, later=later)


def _synthetic(spec: ControllersSpec, name: str, *, load: float) -> FullFactorial:
    """Make a table whose cost is the power knee, n T^2, of a scaling law."""
    from dataclasses import replace

    table = synthetic_full_factorial(np.random.default_rng(spec.seed), load=load)
    knee = 2 * table.log_costs + table.sizes * np.log(2)
    return replace(table, log_costs=knee, name=f"{name} knee")
