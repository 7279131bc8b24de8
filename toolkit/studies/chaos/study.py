"""The chaos experiment: its specification, its run, and the table that comes of it."""

import json
import resource
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.metrics import wilson
from toolkit.records import read_given
from toolkit.runtime.healing import SilenceThresholds
from toolkit.stats import quantile_of_sorted
from toolkit.studies.chaos.episode import Case, run_episode
from toolkit.studies.chaos.faults import COMPOSED, CONTROLS, FAULTS
from toolkit.testing.pool import ForkServerProcess

__all__ = [
    "ChaosSpec",
    "HealerSpec",
    "read_chaos_spec",
    "run_study",
    "summarise_episodes",
]

PRELOAD = ("toolkit.testing.pool.worker", "toolkit.studies.chaos.healer", "psutil")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealerSpec:
    """One healer and how many episodes of each kind it gets.

    Attributes
    ----------
    name : str
        `engine`, `heartbeat_loop` or `heartbeat_thread`.
    per_fault, per_control : int
    """

    name: str
    per_fault: int
    per_control: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosSpec:
    """The whole experiment.

    Attributes
    ----------
    seed : int
        First seed; the n-th episode of a kind has seed + n, for every healer.
    faults, controls : tuple of str
    timeout_s : float
        Of the heartbeat healers.
    calibration : int
        Healthy episodes (other seeds, without a healer) from which silences are learned.
    healers : tuple of HealerSpec
    """

    seed: int
    faults: tuple[str, ...]
    controls: tuple[str, ...]
    timeout_s: float
    calibration: int
    healers: tuple[HealerSpec, ...]

    def cases(self) -> Iterator[Case]:
        """List every episode."""
        for healer in self.healers:
            for control, kinds, count in (
                (False, self.faults, healer.per_fault),
                (True, self.controls, healer.per_control),
            ):
                for kind in kinds:
                    for number in range(count):
                        yield Case(
                            kind=kind,
                            control=control,
                            seed=self.seed + number,
                            healer=healer.name,
                        )

    @property
    def fingerprint(self) -> str:
        """Digest of everything that decides an episode's course, but their number."""
        decides = (self.seed, self.timeout_s, self.calibration)
        return blake2b(repr(decides).encode(), digest_size=6).hexdigest()


def read_chaos_spec(path: Path) -> ChaosSpec:
    """Read a specification.

    Parameters
    ----------
    path : path
        A TOML file.

    Returns
    -------
    ChaosSpec

    Raises
    ------
    InputDataError
        Naming the file and what is wrong in it.
    """
    try:
        raw = tomllib.loads(read_given(path).decode("utf-8"))
        spec = ChaosSpec(
            seed=int(raw["seed"]),
            faults=tuple(raw.get("faults", (*FAULTS, *COMPOSED))),
            controls=tuple(raw.get("controls", CONTROLS)),
            timeout_s=float(raw["timeout_s"]),
            calibration=int(raw["calibration"]),
            healers=tuple(HealerSpec(**healer) for healer in raw["healer"]),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputDataError(
            f"not a chaos specification: {error!r}",
            file=path,
            fix="see experiments/004-chaos/spec.toml",
        ) from error
    for kinds, known in (
        (spec.faults, (*FAULTS, *COMPOSED)),
        (spec.controls, CONTROLS),
    ):
        for kind in kinds:
            if kind not in known:
                raise InputDataError(
                    "unknown kind",
                    file=path,
                    got=kind,
                    fix=f"known: {', '.join(known)}",
                )
    return spec


def run_study(
    spec: ChaosSpec,
    runs: Path,
    *,
    say: Callable[[float, float, str], None],
) -> dict[str, Any]:
    """Run what has not been run, and summarise everything.

    Parameters
    ----------
    spec : ChaosSpec
    runs : path
        Where single episodes are kept: an interrupted run goes on where it stopped.
    say : callable
        Gets done, total and what.

    Returns
    -------
    dict
        JSON types: the tables of each healer.
    """
    runs.mkdir(parents=True, exist_ok=True)
    log = runs / f"episodes-{spec.fingerprint}.jsonl"
    known = {_name(row): row for row in _read(log)}
    cases = list(spec.cases())
    silences = runs / f"silences-{spec.fingerprint}.json"
    begun_s = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        forkserver = Path(scratch) / "n"
        with ForkServerProcess(forkserver, preload=PRELOAD):
            if not silences.exists():
                learn_silences(spec, Path(scratch), forkserver).save(silences)
            for number, case in enumerate(cases):
                if case.name not in known:
                    result = run_episode(
                        case,
                        work=Path(scratch),
                        forkserver=forkserver,
                        silences=silences,
                        timeout_s=spec.timeout_s,
                    )
                    known[case.name] = asdict(result)
                    with log.open("a") as stream:
                        stream.write(json.dumps(asdict(result)) + "\n")
                say(number + 1, len(cases), case.name)
    rows = [known[case.name] for case in cases]
    return {
        "spec": asdict(spec),
        "wall_s": round(time.perf_counter() - begun_s, 1),
        "cpu_s": round(_cpu_s(), 1),
        "summary": summarise_episodes(rows),
    }


def learn_silences(spec: ChaosSpec, work: Path, forkserver: Path) -> SilenceThresholds:
    """Learn usual silences from healthy episodes without a healer."""
    book = SilenceThresholds()
    for number in range(spec.calibration):
        for kind in ("long_silent_work", "slow_start"):
            case = Case(
                kind=kind,
                control=True,
                seed=spec.seed + 1_000_000 + number,
                healer="none",
            )
            run_episode(case, work=work, forkserver=forkserver, learn=book)
    return book


def summarise_episodes(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put episodes into tables: for each healer, over all and for each kind.

    Parameters
    ----------
    rows : sequence of dict
        `EpisodeResult`s.
    """
    healers = dict.fromkeys(row["case"]["healer"] for row in rows)
    summary: dict[str, Any] = {}
    for healer in healers:
        mine = [row for row in rows if row["case"]["healer"] == healer]
        faults = [r for r in mine if not r["case"]["control"] and r["injected"]]
        controls = [r for r in mine if r["case"]["control"]]
        summary[healer] = {
            "faults": _fault_row(faults),
            "with_sensor": _fault_row([r for r in faults if not is_composed(r)]),
            "without_sensor": _fault_row([r for r in faults if is_composed(r)]),
            "controls": _control_row(controls),
            "by_fault": {
                kind: _fault_row([r for r in faults if r["case"]["kind"] == kind])
                for kind in dict.fromkeys(r["case"]["kind"] for r in faults)
            },
            "by_control": {
                kind: _control_row([r for r in controls if r["case"]["kind"] == kind])
                for kind in dict.fromkeys(r["case"]["kind"] for r in controls)
            },
            "by_rung": _rungs(faults),
        }
    return summary


def is_composed(row: dict[str, Any]) -> bool:
    """Whether an episode's fault was composed at random, so that no sensor is for it."""
    return row["case"]["kind"] in COMPOSED


def outcome_of(row: dict[str, Any]) -> str:
    """Name the outcome of an episode with a fault.

    Returns
    -------
    str
        `passed` (nothing was treated and nothing is broken), `healed` (treated, whole,
        and not denied by the healer), `handed_over` (a person was called for a cause of
        the fault, and nothing else is broken) or `failed`.
    """
    if row["whole"] and not row["handed_over"]:
        if row["detect_s"] is None and not row["claims"]:
            return "passed"
        return "failed" if row["claimed"] is False else "healed"
    if row["contained"]:
        return "handed_over"
    return "failed"


def _fault_row(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    outcomes = [outcome_of(row) for row in rows]
    needed = len(rows) - outcomes.count("passed")
    good = outcomes.count("healed") + outcomes.count("handed_over")
    claims = sum(r["claims"] for r in rows)
    false_claims = sum(r["false_claims"] for r in rows)
    healed = [r for r, o in zip(rows, outcomes, strict=True) if o == "healed"]
    return {
        "episodes": len(rows),
        "passed_by_itself": outcomes.count("passed"),
        "healed": share(outcomes.count("healed"), needed),
        "handed_over": outcomes.count("handed_over"),
        "healed_or_handed_over": share(good, needed),
        "claims_true": share(claims - false_claims, claims),
        "detect_s": spread([r["detect_s"] for r in rows if r["detect_s"] is not None]),
        "repair_s": spread(
            [r["repair_s"] for r in healed if r["repair_s"] is not None]
        ),
        "false_heals": share(sum(r["false_heals"] > 0 for r in rows), len(rows)),
        **_totals(rows),
    }


def _control_row(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "episodes": len(rows),
        "false_heals": share(sum(r["false_heals"] > 0 for r in rows), len(rows)),
        "whole_at_the_end": share(sum(r["whole"] for r in rows), len(rows)),
        **_totals(rows),
    }


def _totals(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {
        "tasks_lost": sum(r["lost"] for r in rows),
        "claims_withdrawn": sum(r["withdrawn"] for r in rows),
        "tasks_set_aside": sum(r["set_aside"] for r in rows),
        "most_healthy_restarts": max((r["healthy_restarts"] for r in rows), default=0),
        "calls_repeated": sum(r["calls_repeated"] for r in rows),
        "tasks_done_twice": sum(r["doubled"] for r in rows),
        "results_refused": sum(r["refused"] for r in rows),
        "restarts": sum(r["restarts"] for r in rows),
        "restart_storms": sum(r["storm"] for r in rows),
        "orphans": sum(r["orphans"] for r in rows),
    }


def _rungs(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    rungs: dict[str, list[float]] = {}
    for row in rows:
        if row["rung"] is not None and row["repair_s"] is not None:
            rungs.setdefault(row["rung"], []).append(row["repair_s"])
    return {
        rung: {"episodes": len(times), "repair_s": spread(times)}
        for rung, times in sorted(rungs.items())
    }


def share(count: int, total: int) -> dict[str, Any]:
    """Report a share with its count and 95 % interval (Wilson).

    Examples
    --------
    >>> share(9, 10)
    {'count': 9, 'of': 10, 'share': 0.9, 'low': 0.5958, 'high': 0.9821}
    >>> share(0, 0)["share"] is None
    True
    """
    found = wilson(count, total) if total else None
    return {
        "count": count,
        "of": total,
        "share": round(count / total, 4) if total else None,
        "low": None if found is None else round(found.low, 4),
        "high": None if found is None else round(found.high, 4),
    }


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """Report the median and the 95th percentile; `None` without values.

    Examples
    --------
    >>> spread([1.0, 2.0, 3.0])
    {'p50': 2.0, 'p95': 2.9}
    """
    if not values:
        return None
    ordered = sorted(values)
    return {
        "p50": round(quantile_of_sorted(ordered, 0.5), 1),
        "p95": round(quantile_of_sorted(ordered, 0.95), 1),
    }


def _read(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    lines = read_given(log).decode().splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]


def _name(row: dict[str, Any]) -> str:
    return Case(**row["case"]).name


def _cpu_s() -> float:
    used = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(u.ru_utime + u.ru_stime for u in used)
