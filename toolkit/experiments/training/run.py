"""Runs an experiment: table, evaluation, tuning, tracking, bundle, results."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit import __version__
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.evaluation import (
    Evaluation,
    Learner,
    PolicyRow,
    evaluate,
    inner_folds,
    learn,
    limits_of,
    make_model,
    markdown_report,
    policy_rows,
    prediction_skill,
    size_support,
)
from toolkit.experiments.tables import LearningTable, learning_table
from toolkit.experiments.training.bundling import (
    export_learner,
    fingerprint_of,
    window_of,
)
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.experiments.training.tracking import TrackedRun, track
from toolkit.experiments.tuning import out_of_fold, replay_error, tune_correction
from toolkit.features import batch_table, workflow_table
from toolkit.history import RecordStore, compact_store
from toolkit.policies.adaptation import CorrectionSettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Outcome", "run_experiment", "table_of"]

Report = Callable[[float, float, str], None]

INPUT_ROWS = 500
"""Rows of the training table whose schema MLflow is shown; the digest covers all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an experiment produced.

    Attributes
    ----------
    results : dict
        As in `results.json`.
    rows : list of PolicyRow
        Empty for an observational history.
    markdown : str
    bundle : path
    model_uri : str
        Of the model that the run logged, for the registry.
    evaluation : Evaluation or None
        Scores on held-out problems; `None` for an observational history.
    """

    results: dict[str, Any]
    rows: list[PolicyRow]
    markdown: str
    bundle: Path
    model_uri: str
    evaluation: Evaluation | None


def run_experiment(
    spec: ExperimentSpec,
    store: RecordStore,
    *,
    work: Path,
    now: datetime,
    report: Report,
) -> Outcome:
    """Run an experiment on a store's records.

    Parameters
    ----------
    spec : ExperimentSpec
    store : RecordStore
        Its spool is compacted first.
    work : path
        Holds `mlflow.db`, `optuna.journal`, the bundle, `results.json`, `report.md`.
        Studies that the journal already holds complete are not tuned again.
    now : datetime
        Aware, UTC; stamps the bundle.
    report : callable
        Told what is done of what, and what is going on.

    Raises
    ------
    NotEnoughDataError
        Where the records cannot answer the question.
    """
    compact_store(store)
    table = table_of(spec, store)
    print_id = fingerprint_of(table)[:16]
    journal = work / "optuna.journal"
    work.mkdir(parents=True, exist_ok=True)
    with track(spec.name, folder=work, run_name=f"{spec.name} {print_id}") as run:
        evaluation = _evaluation(table, spec, print_id, journal, report)
        learner = learn(
            table,
            sorted(set(map(str, table.groups))),
            spec,
            study=f"{print_id}/{spec.name}/all groups",
            journal=journal,
            report=report,
        )
        correction, replayed = _correction(table, spec, learner, print_id, journal)
        rows = policy_rows(evaluation, seed=spec.seed) if evaluation else []
        results = _results(table, spec, learner, evaluation, rows, replayed)
        bundle = export_learner(
            work / "bundle",
            table=table,
            learner=learner,
            spec=spec,
            correction=correction,
            metrics=_headline(rows, results),
            limits=results["limits"],
            now=now,
            version=f"{now:%Y%m%d%H%M%S}-{print_id[:8]}",
        )
        markdown = markdown_report(spec, rows, results)
        files = _write(work, results, markdown)
        _log(run, table, spec, rows, results, [*files, *bundle.path.iterdir()])
        model_uri = run.log_model(
            bundle.path, name=spec.bundle.name, columns=table.schema.names
        )
    return Outcome(
        results=results,
        rows=rows,
        markdown=markdown,
        bundle=bundle.path,
        model_uri=model_uri,
        evaluation=evaluation,
    )


def table_of(spec: ExperimentSpec, store: RecordStore) -> LearningTable:
    """Build the table that a specification learns from; the store must be compacted."""
    build = batch_table if spec.decision == "batch_size" else workflow_table
    frame = build(store.dataset, provenances=spec.data.provenances)
    return learning_table(
        frame,
        decision=spec.decision,
        price_exponent=spec.price_exponent,
        context=spec.data.context,
    )


def _evaluation(
    table: LearningTable,
    spec: ExperimentSpec,
    print_id: str,
    journal: Path,
    report: Report,
) -> Evaluation | None:
    """Evaluate by regret; `None` where no context has several measured actions."""
    if not table.problems:
        return None
    try:
        return evaluate(
            table, spec, fingerprint=print_id, journal=journal, report=report
        )
    except NotEnoughDataError as error:
        report(0, 1, f"no comparison by regret: {error}")
        return None


def _correction(
    table: LearningTable,
    spec: ExperimentSpec,
    learner: Learner,
    print_id: str,
    journal: Path,
) -> tuple[CorrectionSettings, dict[str, Any]]:
    def make() -> Any:
        return make_model(
            learner.family,
            learner.tuned[learner.family].parameters,
            decision=spec.decision,
            seed=spec.seed,
            price_exponent=spec.price_exponent,
            measured=table.measured,
        )

    groups = sorted(set(map(str, table.groups)))
    replays = out_of_fold(table, inner_folds(groups, spec), make)
    tuned = tune_correction(
        replays,
        study=f"{print_id}/{spec.name}/all groups",
        trials=max(spec.search.trials, 8),
        seed=spec.seed,
        journal=journal,
    )
    settings = CorrectionSettings(rate=float(tuned.parameters["rate"]))
    return settings, {
        "rate": settings.rate,
        "every": settings.every,
        "error_without": replay_error(replays, CorrectionSettings(rate=0.0)),
        "error_at_0.1": replay_error(replays, CorrectionSettings()),
        "error_tuned": replay_error(replays, settings),
        "rows": int(sum(len(replay.predicted) for replay in replays)),
    }


def _results(
    table: LearningTable,
    spec: ExperimentSpec,
    learner: Learner,
    evaluation: Evaluation | None,
    rows: list[PolicyRow],
    replayed: dict[str, Any],
) -> dict[str, Any]:
    first, last = window_of(table)
    results: dict[str, Any] = {
        "name": spec.name,
        "question": spec.question,
        "toolkit": __version__,
        "spec": spec.to_json(),
        "data": {
            "rows": len(table.frame),
            "groups": len(set(table.groups.tolist())),
            "measured_problems": len(table.problems),
            "first": first,
            "last": last,
            "fingerprint": fingerprint_of(table),
            "observational": evaluation is None,
        },
        "policies": [row.to_json() for row in rows],
        "family": learner.family,
        "tuned": {
            name: {
                "score": tuned.score,
                "parameters": tuned.parameters,
                "trials": tuned.trials,
                "pruned": tuned.pruned,
            }
            for name, tuned in learner.tuned.items()
        },
        "tuned_rule": (
            None if learner.tuned_rule is None else learner.tuned_rule.parameters
        ),
        "correction": replayed,
        "limits": [],
    }
    if evaluation is not None:
        results["evaluation"] = {
            "interior_best": float(np.mean(evaluation.interior)),
            "interval_coverage": float(np.mean(evaluation.inside)),
            "learned_let_through": float(np.mean(evaluation.learned_used)),
            "families_by_fold": evaluation.families,
        }
        results["limits"] = [
            "Measured on one machine: other machines need their own history."
        ]
    elif spec.decision == "batch_size":
        support = size_support(table, seed=spec.seed)
        groups = sorted(set(map(str, table.groups)))
        skill = prediction_skill(table, inner_folds(groups, spec), learner)
        results["support"] = [row.to_json() for row in support]
        results["prediction"] = skill.to_json()
        results["limits"] = limits_of(table, support)
    else:
        results["limits"] = [
            (
                "No context was run with several agent counts: no regret can be measured, and "
                "without logged propensities no gain can be proved."
            )
        ]
    return results


def _headline(rows: list[PolicyRow], results: dict[str, Any]) -> dict[str, Any]:
    """Figures that travel in the manifest and the model card."""
    named = {row.policy: row for row in rows}
    figures: dict[str, Any] = {
        f"slowdown of {name}": (
            f"{row.slowdown:.3f} [{row.slowdown_low:.3f}, {row.slowdown_high:.3f}]"
        )
        for name in ("learned", "guarded", "rule", "tuned rule", "best constant")
        if (row := named.get(name)) is not None
    }
    if "prediction" in results:
        skill = results["prediction"]
        figures["error of log cost, learned"] = f"{skill['learned_error']:.3f}"
        figures["error of log cost, type's mean"] = f"{skill['constant_error']:.3f}"
    return figures


def _write(work: Path, results: dict[str, Any], markdown: str) -> list[Path]:
    written = []
    for name, text in (
        ("results.json", json.dumps(results, indent=1, allow_nan=False) + "\n"),
        ("report.md", markdown),
    ):
        draft = work / f".{name}.{os.getpid()}"
        draft.write_text(text, encoding="utf-8")
        draft.replace(work / name)
        written.append(work / name)
    return written


def _shown(table: LearningTable) -> "pd.DataFrame":
    """First rows with numbers as floats: a count may be missing in the next history."""
    frame = table.frame.head(INPUT_ROWS).drop(columns=["at"])
    numbers = list(frame.select_dtypes("number").columns)
    return frame.astype(dict.fromkeys(numbers, "float64"))


def _log(
    run: TrackedRun,
    table: LearningTable,
    spec: ExperimentSpec,
    rows: list[PolicyRow],
    results: dict[str, Any],
    files: list[Path],
) -> None:
    run.log_parameters(
        {
            **spec.to_json(),
            "window": [results["data"]["first"], results["data"]["last"]],
        }
    )
    run.log_data(
        _shown(table),
        name=spec.name,
        fingerprint=results["data"]["fingerprint"],
    )
    run.log_metrics(
        {
            "rows": len(table.frame),
            "correction_rate": results["correction"]["rate"],
            "correction_error": results["correction"]["error_tuned"],
        }
    )
    run.log_files([path for path in files if path.is_file()], "experiment")
    for row in rows:
        with run.child(row.policy) as child:
            figures = row.to_json()
            child.log_parameters({"policy": figures.pop("policy")})
            verdict = figures.pop("verdict")
            child.log_parameters({"verdict": verdict})
            child.log_metrics(figures)
