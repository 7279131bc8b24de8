"""The report of an experiment: what was found, and what it does not show."""

from typing import Any

from toolkit.experiments.evaluation.result import PolicyRow, markdown_table
from toolkit.experiments.training import ExperimentSpec

__all__ = ["markdown_report"]


def markdown_report(
    spec: ExperimentSpec, rows: list[PolicyRow], results: dict[str, Any]
) -> str:
    """Write an experiment's report in Markdown.

    Parameters
    ----------
    spec : ExperimentSpec
    rows : list of PolicyRow
        Empty for an observational history.
    results : dict
        As in `results.json`.
    """
    data = results["data"]
    lines = [
        f"# {spec.name}",
        "",
        spec.question,
        "",
        (
            f"{data['rows']} rows in {data['groups']} groups, {data['measured_problems']} "
            f"contexts with a measured best action, {data['first']} to {data['last']}."
        ),
        "",
    ]
    if rows:
        judged = results["evaluation"]
        lines += [
            markdown_table(rows),
            "",
            (
                f"The best action lies strictly inside the offered range in "
                f"{judged['interior_best']:.0%} of the contexts. Intervals of unseen groups "
                f"hold in {judged['interval_coverage']:.0%} (nominal "
                f"{spec.guard.interval:.0%}). The guard let the learned answer through in "
                f"{judged['learned_let_through']:.0%}."
            ),
        ]
    if "prediction" in results:
        skill = results["prediction"]
        lines += [
            (
                f"Mean error of log cost on unseen groups: learned "
                f"{skill['learned_error']:.3f}, the operation type's mean "
                f"{skill['constant_error']:.3f} ({skill['rows']} rows)."
            ),
            "",
            _support_table(results["support"]),
        ]
    lines += [
        "",
        (
            f"Chosen family: {results['family']}. Correction rate "
            f"{results['correction']['rate']:.2f}: one-step error "
            f"{results['correction']['error_tuned']:.3f} against "
            f"{results['correction']['error_without']:.3f} without correction."
        ),
        "",
        "What this does not show:",
        "",
        *(f"* {limit}" for limit in results["limits"]),
        "",
    ]
    return "\n".join(lines)


def _support_table(support: list[dict[str, Any]]) -> str:
    header = (
        "| operation type | size | batches | sessions "
        "| seconds per successful operation [95 %] |\n|---|---|---|---|---|"
    )
    lines = [
        f"| {row['operation_type']} | {row['size']} | {row['batches']} "
        f"| {row['sessions']} | {_bounded(row)} |"
        for row in support
        if row["batches"] >= 10
    ]
    return "\n".join([header, *lines])


def _bounded(row: dict[str, Any]) -> str:
    if row["cost_s"] is None:
        return "no success"
    if row["cost_low_s"] is None:
        return f"{row['cost_s']:.2f} (too few sessions)"
    return f"{row['cost_s']:.2f} [{row['cost_low_s']:.2f}, {row['cost_high_s']:.2f}]"
