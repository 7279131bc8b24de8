"""Runs an experiment: table, evaluation, tuning, tracking, bundle, results."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from toolkit import __version__
from toolkit.bundle import CONSTRAINTS
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.evaluation.constraints import constraint_rows
from toolkit.experiments.evaluation.figure import policy_figure
from toolkit.experiments.evaluation.nested import (
    Evaluation,
    evaluate_held_out,
    evaluation_studies,
)
from toolkit.experiments.evaluation.observational import (
    limits_of,
    prediction_skill,
    size_support,
)
from toolkit.experiments.evaluation.report import kept_text, markdown_report
from toolkit.experiments.evaluation.result import PolicyRow, policy_rows
from toolkit.experiments.evaluation.unseen import unseen_skill
from toolkit.experiments.evaluation.waves import wave_support
from toolkit.experiments.evaluation.wording import measured_where, no_rule
from toolkit.experiments.tables import recorded_table, teaching_rows
from toolkit.experiments.tables.feature_rows import grouped_by
from toolkit.experiments.training.bundling import export_learner
from toolkit.experiments.training.learner import Learner, learn, studies_behind
from toolkit.experiments.training.outcome_fit import check_constraints
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.experiments.training.tracking import TrackedRun, track
from toolkit.experiments.training.tracking_database import tracking_address
from toolkit.experiments.tuning import RuleStudy, studies_place
from toolkit.experiments.tuning.search import trials_of
from toolkit.features import batch_table, read_feature_table, workflow_table
from toolkit.history import Dataset, RecordStore, Spark, compact_store
from toolkit.models import DecisionTable, RelativeMember

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ExperimentOutcome",
    "experiment_studies",
    "history_rows",
    "run_experiment",
    "table_of",
]

Report = Callable[[float, float, str], None]

Source: TypeAlias = RecordStore | Dataset | Path
"""Records of a store, or a feature table that was written before."""

PRINTED = 16
"""Characters of the data's fingerprint that name runs and studies."""
INPUT_ROWS = 500
"""Rows of the training table whose schema MLflow is shown; the digest covers all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentOutcome:
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
    source: Source,
    *,
    work: Path,
    now: datetime,
    report: Report,
    members: Sequence[tuple[str, RelativeMember]] = (),
    spark: Spark | None = None,
    studies: str | Path | None = None,
) -> ExperimentOutcome:
    """Run an experiment on a store's records, or on a feature table of them.

    Parameters
    ----------
    spec : ExperimentSpec
    source : RecordStore, Dataset or path
        The spool of a store is compacted first; a dataset is only read, as is the
        feature table at a path.
    work : path
        Holds `mlflow.db`, `optuna.journal`, the bundle, `results.json`, `report.md`.
        Studies that are complete already are not tuned again.
    now : datetime
        Aware, UTC; stamps the bundle.
    report : callable
        Called with what is done of what, and what is going on.
    members : sequence of (str, RelativeMember)
        Members of the stack beside those of the specification.
    spark : Spark, optional
        Where the feature table is built; DuckDB unless given.
    studies : path or str, optional
        Where studies are kept, as `studies_place` gives it, in place of the journal.

    Returns
    -------
    ExperimentOutcome
        Results, report and the exported bundle.

    Raises
    ------
    NotEnoughDataError
        Where the records cannot answer the question.
    UsageError
        MLflow misreads the path of the work folder.
    """
    tracking_address(work)  # refused before anything is read or made
    if not isinstance(source, Path):
        compact_store(source)
    records = history_rows(spec, source, spark=spark)
    table = table_of(spec, records)
    print_id = table.records.fingerprint[:PRINTED]
    kept = studies_place(None, work) if studies is None else studies
    work.mkdir(parents=True, exist_ok=True)
    with track(spec.name, folder=work, run_name=f"{spec.name} {print_id}") as run:
        evaluation = _evaluation(table, spec, print_id, kept, report, members)
        learner = learn(
            table,
            spec,
            study=_whole_study(table, spec),
            studies=kept,
            report=report,
            members=members,
        )
        rows = policy_rows(evaluation, seed=spec.seed) if evaluation else []
        results = _results(records, spec, learner, evaluation, rows)
        if evaluation is None and learner.fit is not None:
            _add_unseen(results, learner, spec, report)
        if evaluation is None and spec.decision == "agent_count":
            _add_waves(results, source, spec)
        bundle = export_learner(
            work / "bundle",
            learner=learner,
            spec=spec,
            metrics=_headline(rows, results),
            limits=results["limits"],
            now=now,
            version=f"{now:%Y%m%d%H%M%S}-{print_id[:8]}",
        )
        markdown = markdown_report(spec, rows, results)
        files = _write(work, results, markdown)
        made = [*files, *bundle.path.iterdir()]
        _log(run, records, spec, rows, results, made, kept)
        model_uri = run.log_model(bundle, name=spec.bundle.name)
    return ExperimentOutcome(
        results=results,
        rows=rows,
        markdown=markdown,
        bundle=bundle.path,
        model_uri=model_uri,
        evaluation=evaluation,
    )


def experiment_studies(table: DecisionTable, spec: ExperimentSpec) -> list[RuleStudy]:
    """List every study that an experiment tunes, without tuning them.

    Parameters
    ----------
    table : DecisionTable
        From `table_of`.
    spec : ExperimentSpec

    Raises
    ------
    NotEnoughDataError
        With fewer than two groups.
    """
    judged: list[RuleStudy] = []
    if not table.observed:
        with suppress(NotEnoughDataError):  # the experiment then judges nothing
            print_id = table.records.fingerprint[:PRINTED]
            judged = evaluation_studies(table, spec, fingerprint=print_id)
    return [*judged, *studies_behind(table, spec, study=_whole_study(table, spec))]


def _whole_study(table: DecisionTable, spec: ExperimentSpec) -> str:
    return f"{table.records.fingerprint[:PRINTED]}/{spec.name}/all groups"


def history_rows(
    spec: ExperimentSpec,
    source: Source,
    *,
    spark: Spark | None = None,
) -> "pd.DataFrame":
    """Read the rows that a specification learns from.

    Parameters
    ----------
    spec : ExperimentSpec
    source : RecordStore, Dataset or path
        Of a feature table, where a path.
    spark : Spark, optional
        Builds the table; DuckDB does unless given.

    Returns
    -------
    DataFrame
        Rows whose cost is known.
    """
    batches, kept = spec.decision == "batch_size", spec.data.provenances
    if isinstance(source, Path):
        kind = "batch" if batches else "workflow"
        table = read_feature_table(source, kind, provenances=kept)
    else:
        build = batch_table if batches else workflow_table
        table = build(_dataset(source), provenances=kept, spark=spark)
    return teaching_rows(
        table,
        decision=spec.decision,
        price_exponent=spec.price_exponent,
        by=spec.split.by,
    )


def _dataset(source: RecordStore | Dataset) -> Dataset:
    return source if isinstance(source, Dataset) else source.dataset


def table_of(spec: ExperimentSpec, rows: "pd.DataFrame") -> DecisionTable:
    """Build the table that a specification learns from.

    Parameters
    ----------
    spec : ExperimentSpec
    rows : DataFrame
        From `history_rows`.

    Returns
    -------
    DecisionTable

    Raises
    ------
    NotEnoughDataError
        No two actions can be compared, or nothing can be shown of a constraint.
    UsageError
        The specification names a column or an outcome that the rows do not know.
    """
    table = recorded_table(rows, decision=spec.decision, context=spec.data.context)
    check_constraints(table, spec.asked)
    return table


def _evaluation(
    table: DecisionTable,
    spec: ExperimentSpec,
    print_id: str,
    studies: str | Path,
    report: Report,
    members: Sequence[tuple[str, RelativeMember]],
) -> Evaluation | None:
    """Evaluate by regret; `None` where no context has several measured actions."""
    if table.observed:
        return None
    try:
        return evaluate_held_out(
            table,
            spec,
            fingerprint=print_id,
            studies=studies,
            report=report,
            members=members,
        )
    except NotEnoughDataError as error:
        report(0, 1, f"no comparison by regret: {error}")
        return None


def _results(
    records: "pd.DataFrame",
    spec: ExperimentSpec,
    learner: Learner,
    evaluation: Evaluation | None,
    rows: list[PolicyRow],
) -> dict[str, Any]:
    table, origin = learner.table, learner.table.records
    results: dict[str, Any] = {
        "name": spec.name,
        "question": spec.question,
        "toolkit": __version__,
        "spec": spec.to_json(),
        "data": {
            "rows": origin.rows,
            "groups": origin.groups,
            "split_by": grouped_by(records, spec.split.by),
            "measured_problems": 0 if table.observed else len(table.problems),
            "first": origin.first.isoformat(),
            "last": origin.last.isoformat(),
            "fingerprint": origin.fingerprint,
            "observational": evaluation is None,
        },
        "policies": [row.to_json() for row in rows],
        "weights": dict(zip(learner.stack.names, learner.stack.weights, strict=True)),
        "ladder": [rung.to_json() for rung in learner.manifest.ladder],
        "tuned": {
            name: {
                "score": tuned.score,
                "parameters": tuned.parameters,
                "trials": tuned.trials,
                "pruned": tuned.pruned,
            }
            for name, tuned in learner.tuned.items()
        },
        "limits": [],
    }
    if evaluation is not None:
        results["evaluation"] = _judged(evaluation)
        results["limits"] = [measured_where(origin.sources)]
    elif spec.decision == "batch_size":
        support = size_support(records, seed=spec.seed)
        results["support"] = [row.to_json() for row in support]
        results["prediction"] = prediction_skill(learner).to_json()
        results["limits"] = limits_of(records, support)
    else:
        results["limits"] = [
            (
                "No context was run with several agent counts: no regret can be measured, and "
                "without logged propensities no gain can be proved."
            )
        ]
    if spec.constraints:
        bounds = learner.manifest.extra[CONSTRAINTS]
        results["constraints"] = {
            "margin": bounds["margin"],
            "groups": bounds["groups"],
            "rows": []
            if evaluation is None
            else [
                row.to_json()
                for row in constraint_rows(evaluation, spec.asked, seed=spec.seed)
            ],
        }
    if spec.decision == "batch_size":
        answers = learner.manifest.fallback.constant
        types = records["operation_type"].astype(str)
        results["limits"] += no_rule(types, answers=answers)
    return results


def _add_unseen(
    results: dict[str, Any], learner: Learner, spec: ExperimentSpec, report: Report
) -> None:
    """Add how well costs of single batches are predicted in groups left out."""
    read = [column.name for column in learner.manifest.level_columns]
    skill = unseen_skill(learner.table, spec, read=read, report=report)
    if skill is not None:
        results["unseen"] = skill.to_json()


def _add_waves(results: dict[str, Any], source: Source, spec: ExperimentSpec) -> None:
    """Add what an observed history says of waves of agents, and what it does not."""
    if isinstance(source, Path):
        results["limits"].append(
            "Waves of agents are not in a feature table: run on the store to see them."
        )
        return
    found = wave_support(_dataset(source), seed=spec.seed)
    if found is not None:
        results["waves"] = found.to_json()
        results["limits"] += found.limits


def _judged(evaluation: Evaluation) -> dict[str, Any]:
    floors = evaluation.floors
    return {
        "interior_best": float(np.mean(evaluation.interior)),
        "interval_coverage": float(np.mean(evaluation.inside)),
        "noise_floor": float(np.exp(np.mean(floors))) if floors else None,
        "graded_on_other_repeats": len(floors) == len(evaluation.names),
        "rungs": {
            name: evaluation.rungs.count(name) / len(evaluation.rungs)
            for name in sorted(set(evaluation.rungs))
        },
        "ladders_by_fold": evaluation.ladders,
    }


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
    floor = results.get("evaluation", {}).get("noise_floor")
    if floor is not None:
        figures["noise floor"] = f"{floor:.3f}"
    for row in results.get("constraints", {}).get("rows", []):
        figures[f"{row['constraint']} at most {row['at_most']:g}"] = kept_text(row)
    if "prediction" in results:
        skill = results["prediction"]
        figures["error of log cost within a session"] = f"{skill['learned_error']:.3f}"
        figures["the same without a model"] = f"{skill['constant_error']:.3f}"
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


def _shown(records: "pd.DataFrame") -> "pd.DataFrame":
    """First rows with numbers as floats: a count may be missing in the next history."""
    frame = records.head(INPUT_ROWS).drop(columns=["at"])
    numbers = list(frame.select_dtypes("number").columns)
    return frame.astype(dict.fromkeys(numbers, "float64"))


def _log(
    run: TrackedRun,
    records: "pd.DataFrame",
    spec: ExperimentSpec,
    rows: list[PolicyRow],
    results: dict[str, Any],
    files: list[Path],
    studies: str | Path,
) -> None:
    tuned = {name: found["parameters"] for name, found in results["tuned"].items()}
    run.describe(
        f"{spec.question} {len(records)} rows in {results['data']['groups']} groups.",
        tags={
            "decision": spec.decision,
            "fingerprint": results["data"]["fingerprint"],
            "observational": str(results["data"]["observational"]).lower(),
            "rung": _highest(results["ladder"]),
        },
    )
    run.log_parameters(
        {
            **spec.to_json(),
            "window": [results["data"]["first"], results["data"]["last"]],
            "tuned": tuned,
        }
    )
    run.log_data(
        _shown(records),
        name=spec.name,
        fingerprint=results["data"]["fingerprint"],
    )
    run.log_metrics({"rows": len(records), **_metrics(rows, results)})
    data = str(results["data"]["fingerprint"])[:PRINTED]
    run.log_table("trials.json", trials_of(studies, f"{data}/"))
    run.log_files([path for path in files if path.is_file()], "experiment")
    if rows:
        run.log_figure(policy_figure(rows, results), "slowdowns.png")
    for row in rows:
        with run.child(row.policy) as child:
            figures = row.to_json()
            child.log_parameters({"policy": figures.pop("policy")})
            verdict = figures.pop("verdict")
            child.log_parameters({"verdict": verdict})
            child.log_metrics(figures)


def _highest(ladder: list[dict[str, Any]]) -> str:
    """Name the highest rung that is open."""
    shown = [
        rung["name"]
        for rung in ladder
        if rung["evidence"]["upper"] is not None
        and rung["evidence"]["upper"] < 0
        and not rung["evidence"]["observed"]
    ]
    return str(shown[-1]) if shown else "rule"


def _metrics(rows: list[PolicyRow], results: dict[str, Any]) -> dict[str, float]:
    """Headline figures with their intervals, by name."""
    figures: dict[str, float] = {}
    for row in rows:
        for name in ("slowdown", "against_rule"):
            for end in ("", "_low", "_high"):
                figures[f"{row.policy}/{name}{end}"] = getattr(row, f"{name}{end}")
    judged = results.get("evaluation", {})
    for name in ("interval_coverage", "interior_best", "noise_floor"):
        if judged.get(name) is not None:
            figures[name] = judged[name]
    return figures
