"""Runs experiment 005: off-policy evaluation and the gate in worlds of known truth.

Each finished part is written before the next begins, so an interrupted run resumes; a
part is run again when the inputs written beside it have changed.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.errors import InputDataError, UsageError
from toolkit.experiments.promotion import GateRules
from toolkit.experiments.tables import (
    FullFactorial,
)
from toolkit.experiments.training import read_spec_file, write_results
from toolkit.metrics.off_policy import OverlapLimits, Sampling
from toolkit.records import read_given
from toolkit.studies.off_policy.power import (
    GateWorld,
    drawn_from_table,
    gate_rate,
    records_needed,
)
from toolkit.studies.off_policy.simulation import (
    LogDesign,
    learned_elsewhere,
    scenarios_of,
    score_scenario,
)

__all__ = ["SYNTHETIC", "GateDesign", "WorldsSpec", "read_worlds_spec", "run_worlds"]

SYNTHETIC = "synthetic"
"""Stands for a made-up table, where no measured ones are at hand."""

POWER = "gate power"
"""The part that needs no table."""

Report = Callable[[float, float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDesign:
    """Worlds the gate is put before.

    Attributes
    ----------
    records : tuple of int
    gains : tuple of float
        In log cost; 0 is the A/A world.
    records_per_group : int
    table_groups : tuple of int
        How many groups are drawn for an A/A world with a table's errors.
    """

    records: tuple[int, ...] = (48, 96, 192, 384, 768)
    gains: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1, 0.2)
    records_per_group: int = 8
    table_groups: tuple[int, ...] = (6, 12, 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldsSpec:
    """All there is to choose.

    Attributes
    ----------
    seed, worlds : int
    tables : tuple of str
        `FILE:COST` without `.csv.gz`, or `synthetic`.
    replicates : int
        Bootstrap resamples of an off-policy interval.
    log, gate, limits, rules
        The designs, what an estimate needs, and what the gate demands.
    """

    seed: int
    worlds: int
    tables: tuple[str, ...]
    replicates: int = 500
    log: LogDesign = field(default_factory=LogDesign)
    gate: GateDesign = field(default_factory=GateDesign)
    limits: OverlapLimits = field(default_factory=OverlapLimits)
    rules: GateRules = field(default_factory=GateRules)


def read_worlds_spec(path: Path) -> WorldsSpec:
    """Read `spec.toml`.

    Parameters
    ----------
    path : path

    Returns
    -------
    WorldsSpec

    Raises
    ------
    InputDataError
        Not readable, or with a field that is not known.
    """

    def build(raw: dict[str, Any]) -> WorldsSpec:
        return WorldsSpec(
            seed=raw.pop("seed"),
            worlds=raw.pop("worlds"),
            tables=tuple(raw.pop("tables")),
            log=LogDesign(**raw.pop("log", {})),
            gate=GateDesign(**_with_tuples(raw.pop("gate", {}))),
            limits=OverlapLimits(**raw.pop("limits", {})),
            rules=GateRules(**raw.pop("rules", {})),
            **raw,
        )

    return read_spec_file(
        path, build, what="worlds", example="experiments/005-off-policy/spec.toml"
    )


def _with_tuples(section: dict[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in section.items()
    }


def run_worlds(
    spec: WorldsSpec,
    *,
    tables: Path | None,
    results: Path,
    report: Report,
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """Run what is not yet in the results, and return all of them.

    Several processes may share one file, each with separate tables: a part is added
    to what the file then holds.

    Parameters
    ----------
    spec : WorldsSpec
    tables : path, optional
        Directory of the decision tables; not needed for `synthetic`.
    results : path
        JSON file, written after every part.
    report : callable
        Called with done, total and what.
    only : sequence of str
        Tables of the specification to run now, without the power curve; all if empty.

    Returns
    -------
    dict
        What the results hold then, in JSON types.

    Raises
    ------
    InputDataError
        A table is not there.
    UsageError
        `only` names a table that the specification does not have.
    """
    for name in only:
        if name not in spec.tables:
            raise UsageError.unknown("table", name, list(spec.tables))
    done = _resumed(results, spec)
    now = replace(spec, tables=tuple(only)) if only else spec
    for part, inputs, work in _parts(now, tables, report):
        if done["inputs"].get(part) == inputs or (only and part == POWER):
            continue
        found = work()
        done = _resumed(results, spec)
        done["parts"][part], done["inputs"][part] = found, inputs
        write_results(results, done)
    return done


def _parts(
    spec: WorldsSpec, tables: Path | None, report: Report
) -> Iterator[tuple[str, dict[str, Any], Callable[[], Any]]]:
    shared = {"seed": spec.seed, "worlds": spec.worlds}
    logs = {
        **shared,
        "replicates": spec.replicates,
        "log": asdict(spec.log),
        "limits": asdict(spec.limits),
    }
    gates = _as_json({**shared, "gate": asdict(spec.gate), "rules": asdict(spec.rules)})
    for name in spec.tables:
        yield (
            f"off-policy {name}",
            logs,
            partial(_off_policy, spec, name, tables, report),
        )
        yield f"gate {name}", gates, partial(_gate_on_table, spec, name, tables)
    yield POWER, gates, partial(_power, spec, report)


def _off_policy(
    spec: WorldsSpec, name: str, tables: Path | None, report: Report
) -> list[dict[str, Any]]:
    table = _table(spec, name, tables)
    found = []
    for scenario in scenarios_of(table, spec.log):
        title = f"{table.name}, {scenario.name}"
        count = iter(range(1, spec.worlds + 1))

        def tick(title: str = title, count: Iterator[int] = count) -> None:
            report(next(count), spec.worlds, title)

        score = score_scenario(
            scenario,
            spec.log,
            worlds=spec.worlds,
            rng=np.random.default_rng(spec.seed),
            sampling=Sampling(replicates=spec.replicates),
            limits=spec.limits,
            tick=tick,
        )
        found.append(score.to_json())
    return found


def _gate_on_table(
    spec: WorldsSpec, name: str, tables: Path | None
) -> list[dict[str, Any]]:
    table = _table(spec, name, tables)
    challenger = learned_elsewhere(table)
    return [
        gate_rate(
            f"A/A {table.name}, {groups} groups",
            drawn_from_table(table, challenger, groups=groups),
            worlds=spec.worlds,
            rng=np.random.default_rng(spec.seed),
            rules=spec.rules,
        ).to_json()
        for groups in spec.gate.table_groups
    ]


def _power(spec: WorldsSpec, report: Report) -> dict[str, Any]:
    rows, needed = [], {}
    total = len(spec.gate.gains) * len(spec.gate.records)
    for gain in spec.gate.gains:
        curve = {}
        for records in spec.gate.records:
            world = GateWorld(
                records=records,
                groups=records // spec.gate.records_per_group,
                gain=gain,
            )
            rate = gate_rate(
                f"gain {gain:g}, {records} records",
                world.draw,
                worlds=spec.worlds,
                rng=np.random.default_rng(spec.seed),
                rules=spec.rules,
            )
            curve[records] = rate.share_promoted
            rows.append({"gain": gain, "records": records, **rate.to_json()})
            report(len(rows), total, rate.name)
        needed[f"{gain:g}"] = records_needed(curve, spec.rules.power)
    return {"rates": rows, "records_needed": needed}


def _table(spec: WorldsSpec, name: str, tables: Path | None) -> FullFactorial:
    if name == SYNTHETIC:
        return FullFactorial.synthetic(np.random.default_rng(spec.seed))
    file, _, cost = name.partition(":")
    if tables is None:
        raise InputDataError(
            f"table `{name}` is not at hand", fix="give the directory with --tables"
        )
    return FullFactorial.read(tables / f"{file}.csv.gz", cost=cost)


def _resumed(results: Path, spec: WorldsSpec) -> dict[str, Any]:
    """Take up the parts of this specification that an earlier run has finished."""
    fresh: dict[str, Any] = {"spec": _as_json(asdict(spec)), "inputs": {}, "parts": {}}
    if not results.exists():
        return fresh
    try:
        known = json.loads(read_given(results))
    except ValueError as error:
        raise InputDataError(
            f"not readable results: {error}", file=results, fix="remove the file"
        ) from error
    names = [part for part, _, _ in _parts(spec, None, _unheard)]
    for kept in ("inputs", "parts"):
        known_parts = known.get(kept, {})
        fresh[kept] = {name: known_parts[name] for name in names if name in known_parts}
    return fresh


def _unheard(done: float, total: float, what: str) -> None:
    """Report nothing."""


def _as_json(value: dict[str, Any]) -> dict[str, Any]:
    """Turn tuples to lists, so that what was written compares equal to what is read."""
    turned: dict[str, Any] = json.loads(json.dumps(value))
    return turned
