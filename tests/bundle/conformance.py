"""Conformance vectors for readers in other languages; `python -m tests.bundle.conformance`.

FOLDER gets `bundles/NAME`, and two files of one JSON object a line. `decisions.jsonl` holds
questions with the decisions that Python takes: contexts with missing columns, values out of
range or of another kind, unknown categories, declared columns, other actions on offer, and
times after the end of a bundle. `mutants.jsonl` holds damaged bundles (the files that differ,
gzip in base64) with whether Python refuses them, and what it decides where it does not. The format is
described in `docs/reference/bundle.md`.
"""

import argparse
import base64
import json
import math
import random
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from gzip import compress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from tests.bundle.specimens import OF_DECISION, hinges, write_specimens
from tests.bundle.trials import CONTEXTS, read_specimens
from tests.bundle_factory import (
    KINDS,
    LEARNED,
    SCHEMA,
    SHOWN,
    SIZES,
    learned,
    manifest_of,
    rewrite,
    size_costs,
)
from toolkit.bundle import SECTION, Bundle, Column, Fallback, read_bundle
from toolkit.clock import VirtualClock
from toolkit.errors import BundleRefusedError, SchemaError, UsageError
from toolkit.export import write_bundle
from toolkit.models.members import RelativeEstimator
from toolkit.policies import CostCurve, Decision, Floats, Value
from toolkit.runtime.advice import LadderAdvisor

__all__ = ["answer_of", "decoded", "main", "question_of"]

RULE_COLUMNS = {
    "batch_size": (
        *("operation_type", "load_cpu", "load_memory", "load_io"),
        "coordination_complexity",
    ),
    "agent_count": (
        *("components", "dependencies", "parallelizable", "coordination_needs"),
    ),
    "table": ("x_N", "x_par"),
}
"""Columns that the rule of each decision reads, whatever the model reads."""
TYPES = (
    "todoWrite",
    "taskSpawning",
    "fileOperations",
    "shell",
    "nope",
    "",
    "not given",
)
ODD = (0.0, -0.0, 1.0, -1.0, -3.0, 1e-9, 5.0, 1e3, 1e6, -1e6, 1e30, 3.3e38, 1e39)
ERRORS = (SchemaError, UsageError)
DECIMALS = 9
"""Of a log cost in a vector; readers must agree to 1e-5."""


def main(words: list[str] | None = None) -> None:
    """Write vectors of good bundles, and of damaged ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--decisions", type=int, default=10_000)
    parser.add_argument("--mutants", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--bundle",
        type=Path,
        action="append",
        help="a bundle to take instead of those made here; may be given again",
    )
    options = parser.parse_args(words)
    bundles = options.folder / "bundles"
    if options.bundle:
        for path in options.bundle:
            shutil.copytree(path.resolve(), bundles / path.name)
    else:
        _write_bundles(bundles)
    names = sorted(path.parent.name for path in bundles.glob("*/manifest.json"))
    _write(
        options.folder / "decisions.jsonl",
        _decisions(bundles, names, options.decisions, options.seed),
    )
    if options.mutants:
        _write(
            options.folder / "mutants.jsonl",
            _mutants(bundles, options.mutants, options.seed),
        )


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w") as stream:
        for row in rows:
            stream.write(json.dumps(row, allow_nan=False) + "\n")


# -- bundles ------------------------------------------------------------------------------


def _write_bundles(folder: Path) -> None:
    """Write one of each kind that ships, and manifests that take every way to an answer."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as made:
        write_specimens(Path(made))
        for manifest in Path(made).glob("*-*/manifest.json"):
            shutil.copytree(manifest.parent, folder / manifest.parent.name)
    _declared_columns(folder / "batch_size-declared")
    for place, (name, estimator) in enumerate(ESTIMATORS.items()):
        decision, write = list(OF_DECISION.items())[place % len(OF_DECISION)]
        member = RelativeEstimator(estimator=estimator)
        write(folder / f"{decision}-{name}", member=member)
    for name, (base, change) in VARIANTS.items():
        shutil.copytree(folder / base, folder / name)
        rewrite(folder / name, change)


def _declared_columns(directory: Path) -> None:
    """Export a batch model that reads columns which a team declared for its own tables."""
    schema = replace(
        SCHEMA,
        context=(
            *SCHEMA.context,
            Column(name="gpu", kind="category", categories=("l4", "h100")),
            Column(name="rows", log=True),
        ),
    )
    rng = np.random.default_rng(0)
    problems: list[tuple[dict[str, Value], Floats]] = []
    for load in np.linspace(0, 1, 24).tolist():
        for kind, name in enumerate(KINDS):
            gpu = float(rng.random() < 0.5)
            context: dict[str, Value] = {
                "operation_type": name,
                "load_cpu": load,
                "operation_bytes": float(rng.lognormal(8, 1)),
                "gpu": "h100" if gpu else "l4",
                "rows": float(rng.lognormal(6, 2)),
            }
            noise = rng.normal(0, 0.02, len(SIZES))
            problems.append((context, size_costs(load, kind) - 0.2 * gpu + noise))
    fallback = Fallback(rule="batch_size_rule", constant=4.0)
    lesson = learned(problems, "size", SIZES, schema, fallback)
    write_bundle(
        directory,
        model=lesson.stack,
        manifest=manifest_of(
            feature_schema=replace(schema, action=SCHEMA.action),
            extra={SECTION: lesson.section.to_json()},
        ),
        X=lesson.rows.X.astype(np.float32),
        seed=1,
        probes=500,
    )


NETWORKS = {
    kind: make_pipeline(
        StandardScaler(),
        MLPRegressor(
            hidden_layer_sizes=(6, 4), activation=kind, tol=1.0, random_state=0
        ),
    )
    for kind in ("relu", "tanh", "logistic", "identity")
}
ESTIMATORS: dict[str, BaseEstimator] = {
    "together": VotingRegressor(
        [*NETWORKS.items(), ("tree", DecisionTreeRegressor(max_depth=3))]
    ),
    **{f"network-{kind}": network for kind, network in NETWORKS.items()},
    "forest": RandomForestRegressor(n_estimators=5, max_depth=4, random_state=0),
    "extra": ExtraTreesRegressor(n_estimators=4, max_depth=5, random_state=0),
    "gradient": GradientBoostingRegressor(n_estimators=9, max_depth=2, random_state=0),
    "histogram": HistGradientBoostingRegressor(max_iter=6, random_state=0),
    "tree": DecisionTreeRegressor(max_depth=5, random_state=0),
    "bagging": BaggingRegressor(
        ExtraTreeRegressor(max_depth=4),
        n_estimators=3,
        max_features=0.6,
        random_state=0,
    ),
    "voting": VotingRegressor(
        [("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))],
        weights=[2, 1],
    ),
    "support": make_pipeline(StandardScaler(), SVR(C=1.0)),
    "polynomial": make_pipeline(
        MinMaxScaler(clip=True), PolynomialFeatures(2), PCA(3, whiten=True), Ridge()
    ),
}
"""Regressors that together take every operator which an estimator is written with."""


def _without_evidence(value: dict[str, Any]) -> None:
    value["ladder"][-1]["evidence"]["upper"] = None


def _observed(value: dict[str, Any]) -> None:
    value["ladder"][-1]["evidence"]["observed"] = True


def _constant_below(value: dict[str, Any]) -> None:
    rung = {
        **LEARNED.to_json(),
        "name": "best constant",
        "rule": "constant",
        "constant": 6.0,
        "parameters": {},
    }
    value["ladder"] = [rung, {**value["ladder"][-1]}]
    value["ladder"][-1]["evidence"] = {
        **SHOWN.to_json(),
        "below": "best constant",
        "upper": None,
    }


def _tuned_below(value: dict[str, Any]) -> None:
    _constant_below(value)
    value["ladder"][0] |= {
        "name": "tuned rule",
        "rule": value["fallback"]["rule"],
        "parameters": {
            **value["fallback"]["parameters"],
            **({"grow": 1.5} if value["decision"] == "batch_size" else {"fewest": 1}),
        },
    }


def _rare(value: dict[str, Any]) -> None:
    """Leave history too few rows near most actions."""
    value["minimum_support"] = 60


def _without_level(value: dict[str, Any]) -> None:
    value["extra"][SECTION]["level"] = None


def _rule_alone(value: dict[str, Any]) -> None:
    value["extra"], value["ladder"] = {}, []


def _shown(value: dict[str, Any]) -> None:
    value["ladder"][-1]["evidence"] = SHOWN.to_json()


def _batches(value: dict[str, Any]) -> None:
    """Decide a batch, by its own number."""
    _shown(value)
    _rename(value, "a_b")


def _no_rule(value: dict[str, Any]) -> None:
    """Decide what the rule has no number for, in sizes instead of logarithms."""
    _shown(value)
    _rename(value, "a_other")
    value["extra"][SECTION]["sizes"] = True


def _rename(value: dict[str, Any], name: str) -> None:
    for column in value["feature_schema"]["action"]:
        column["name"] = column["name"].replace("a_n", name)


VARIANTS = {
    "batch_size-closed": ("batch_size-linear", _without_evidence),
    "batch_size-observed": ("batch_size-trees", _observed),
    "batch_size-constant-below": ("batch_size-law", _constant_below),
    "batch_size-tuned-below": ("batch_size-process", _tuned_below),
    "batch_size-rare": ("batch_size-everything", _rare),
    "batch_size-relative": ("batch_size-quadratic", _without_level),
    "batch_size-hinges": ("batch_size-boosted", hinges),
    "batch_size-rule": ("batch_size-anchor", _rule_alone),
    "agent_count-tuned-below": ("agent_count-law", _tuned_below),
    "agent_count-rule": ("agent_count-anchor", _rule_alone),
    "table-shown": ("table-stack", _shown),
    "table-batches": ("table-stack", _batches),
    "table-no-rule": ("table-stack", _no_rule),
}
"""A bundle that is changed, and how, by the name of the one that comes of it."""


# -- decisions ----------------------------------------------------------------------------


def _decisions(
    bundles: Path, names: Sequence[str], count: int, seed: int
) -> Iterator[dict[str, Any]]:
    for place, name in enumerate(names):
        bundle = read_bundle(bundles / name, signed=False)
        rng = random.Random(f"{name}/{seed}")
        for _ in range(count // len(names) + (place < count % len(names))):
            question = question_of(bundle, rng)
            yield {"bundle": name, **_plain(question), **answer_of(bundle, question)}


def question_of(bundle: Bundle, rng: random.Random) -> dict[str, Any]:
    """Draw a context, sometimes with other actions on offer, or after the end."""
    manifest = bundle.manifest
    life = manifest.expires_at - manifest.created_at
    now = manifest.created_at + min(life / 2, timedelta(days=1))
    if rng.random() < 0.01:
        now = manifest.expires_at + timedelta(seconds=rng.choice([-1, 0, 1]))
    question: dict[str, Any] = {"now": now, "context": _context(bundle, rng)}
    if manifest.decision == "table" or rng.random() < 0.15:
        question["actions"] = _actions(bundle, rng)
    return question


def _context(bundle: Bundle, rng: random.Random) -> dict[str, Any]:
    manifest = bundle.manifest
    columns = {column.name: column for column in manifest.context_columns}
    names = [*columns, *RULE_COLUMNS[manifest.decision], "unknown column"]
    context: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        column = columns.get(name)
        way = rng.random()
        if way < 0.15:
            continue
        if way < 0.2:
            context[name] = None
        elif name == "operation_type" or (column and column.kind == "category"):
            known = TYPES if column is None else (*column.categories, *TYPES)
            context[name] = rng.choice(known) if way < 0.98 else rng.choice([3.0, True])
        else:
            context[name] = _number(bundle, name, rng)
    return context


def _number(bundle: Bundle, name: str, rng: random.Random) -> Value:
    low, high = bundle.manifest.support.ranges.get(name, (0.0, 1.0))
    way = rng.random()
    if way < 0.7:
        return rng.uniform(low, high)
    if way < 0.8:
        return float(rng.randrange(0, 40))
    if way < 0.88:
        return rng.uniform(low - 0.3 * (high - low), high + 0.3 * (high - low))
    if way < 0.96:
        return rng.choice([0.4, 0.7, 0.8, low, high, *ODD])
    if way < 0.995:
        return rng.choice([math.nan, math.inf, -math.inf, True, False])
    return "text"


def _actions(bundle: Bundle, rng: random.Random) -> list[list[float]]:
    names = [column.name for column in bundle.manifest.feature_schema.action]
    width = sum(":" not in name for name in names)
    count = rng.choice([1, 2, 3, 5, 9, 30])
    if bundle.manifest.decision == "table":
        rows = [
            [float(rng.randrange(0, 9)) for _ in range(width)] for _ in range(count)
        ]
    else:
        rows = [
            [float(rng.choice([1, 2, 3, 5, 7, 8, 20, 64, 0.5]))] for _ in range(count)
        ]
    if rng.random() < 0.03:
        rows[0][0] = rng.choice([0.0, -1.0, math.nan, math.inf])
    return rows


def answer_of(bundle: Bundle, question: Mapping[str, Any]) -> dict[str, Any]:
    """Ask as a server does; the decision as JSON, or the name of the error."""
    decision = bundle.manifest.decision
    clock = VirtualClock(question["now"])
    advisor = LadderAdvisor(decision, bundle=bundle, clock=clock)
    try:
        with np.errstate(all="ignore"):
            taken = advisor.decide(question["context"], question.get("actions"))
    except ERRORS as error:
        return {"error": type(error).__name__}
    return {"decision": _plain(_as_json(taken))}


def _as_json(taken: Decision) -> dict[str, Any]:
    return {
        "index": taken.index,
        "label": taken.label,
        "action": list(taken.action),
        "expected_cost": taken.expected_cost,
        "cost_low": taken.cost_low,
        "cost_high": taken.cost_high,
        "confidence": taken.confidence,
        "support": taken.support,
        "baseline": taken.baseline,
        "reason": {"code": taken.reason.code, "facts": dict(taken.reason.facts)},
        "policy": taken.policy,
        "version": taken.version,
        "rung": taken.rung,
        "curve": None if taken.curve is None else _curve(taken.curve),
    }


def _curve(curve: CostCurve) -> dict[str, Any]:
    return {
        "log_cost": curve.log_cost.round(DECIMALS).tolist(),
        "log_low": curve.log_low.round(DECIMALS).tolist(),
        "log_high": curve.log_high.round(DECIMALS).tolist(),
        "support": curve.support.tolist(),
        "relative": curve.relative,
    }


def decoded(value: Any) -> Any:
    """Read what `_plain` wrote: numbers that JSON has no form for."""
    if isinstance(value, Mapping):
        if set(value) == {"number"}:
            return float(value["number"])
        return {name: decoded(each) for name, each in value.items()}
    return list(map(decoded, value)) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Write times, and numbers that JSON has no form for, as JSON can."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


# -- damaged bundles ----------------------------------------------------------------------


def _mutants(bundles: Path, count: int, seed: int) -> Iterator[dict[str, Any]]:
    specimens = read_specimens(bundles)
    each = -(-count // len(specimens))
    with tempfile.TemporaryDirectory() as folder:
        for specimen in specimens:
            shutil.copytree(bundles / specimen.name, Path(folder, specimen.name))
            for mutant in islice(specimen.mutants(seed), each):
                place = Path(folder, specimen.name)
                _put(place, mutant.changed)
                yield {
                    "bundle": specimen.name,
                    "how": mutant.how,
                    "changed": {
                        name: None
                        if content is None
                        else base64.b64encode(compress(content, mtime=0)).decode()
                        for name, content in mutant.changed.items()
                    },
                    **_outcome(place, random.Random(mutant.how)),
                }
                _put(place, {name: specimen.files[name] for name in mutant.changed})


def _put(folder: Path, files: Mapping[str, bytes | None]) -> None:
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)


def _outcome(folder: Path, rng: random.Random) -> dict[str, Any]:
    try:
        bundle = read_bundle(folder, signed=False)
    except BundleRefusedError as error:
        return {"refused": error.reason[:200]}
    manifest = bundle.manifest
    asked = []
    for context in CONTEXTS[manifest.decision]:
        question: dict[str, Any] = {"now": manifest.created_at, "context": context}
        if manifest.decision == "table":
            question["actions"] = _actions(bundle, rng)
        asked.append(question)
    asked += [question_of(bundle, rng) for _ in range(3)]
    return {
        "refused": None,
        "decisions": [
            {**_plain(question), **answer_of(bundle, question)} for question in asked
        ],
    }


if __name__ == "__main__":
    main()
