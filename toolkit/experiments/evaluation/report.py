"""The report of an experiment: what was found, and what it does not show."""

import math
from collections.abc import Mapping
from typing import Any

from toolkit.escaping import markdown
from toolkit.experiments.evaluation.result import PolicyRow, markdown_table
from toolkit.experiments.training import ExperimentSpec

__all__ = ["kept_text", "markdown_report"]

LEAST_SHOWN = 0.01
"""Weight below which a member is not listed."""


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

    Returns
    -------
    str
        Values from the records are escaped.
    """
    data = results["data"]
    lines = [
        f"# {markdown(spec.name)}",
        "",
        markdown(spec.question),
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
                f"{spec.guard.interval:.0%}). {_floor(judged)} Judged on "
                f"{spec.split.outer_folds} folds of groups left out. Answered: "
                f"{_shares(judged['rungs'])}."
            ),
            "",
            _ladder_table(results["ladder"]),
        ]
    if "constraints" in results:
        lines += ["", _constraints_table(results["constraints"])]
    if "prediction" in results:
        skill = results["prediction"]
        lines += [
            (
                "Mean error of log cost within an unseen session: learned "
                f"{skill['learned_error']:.3f}, without a model "
                f"{skill['constant_error']:.3f} ({skill['rows']} sizes in sessions)."
            ),
            "",
            _support_table(results["support"]),
        ]
    if "unseen" in results:
        lines += ["", _unseen(results["unseen"], results["data"]["split_by"])]
    if "waves" in results:
        lines += [_waves_table(results["waves"]["sizes"]), ""]
        lines += [_matched_table(results["waves"]["matched"]), ""]
    lines += [
        "",
        (
            "Weights of the stack: "
            + ", ".join(
                f"{markdown(name)} {weight:.2f}"
                for name, weight in results["weights"].items()
                if weight >= LEAST_SHOWN
            )
            + "."
        ),
        "",
        "What this does not show:",
        "",
        *(f"* {markdown(limit)}" for limit in results["limits"]),
        "",
    ]
    return "\n".join(lines)


def kept_text(row: Mapping[str, Any]) -> str:
    """Write how often a constraint was kept, with its interval.

    Parameters
    ----------
    row : mapping
        A `ConstraintRow` as JSON types.

    Returns
    -------
    str
    """
    if row["kept"] is None:
        return "never said to be kept"
    return (
        f"kept in {row['kept']:.0%} [{row['kept_low']:.0%}, {row['kept_high']:.0%}] of "
        f"{row['contexts']} contexts, asked {row['probability']:.0%}"
    )


def _constraints_table(found: dict[str, Any]) -> str:
    header = (
        "| constraint | answers that are said to keep it | on groups left out [95 %] "
        "| the rule there | without constraints | cost of the constraints [95 %] |\n"
        "|---|---|---|---|---|---|"
    )
    lines = [
        f"| {markdown(row['constraint'])} at most {row['at_most']:g} "
        f"| {row['promised']:.0%} of contexts, {row['groups']} groups "
        f"| {kept_text(row)} | {_percent(row['kept_by_rule'])} "
        f"| {_percent(row['kept_free'])} "
        f"| {row['cost']:+.1%} [{row['cost_low']:+.1%}, {row['cost_high']:+.1%}] |"
        for row in found["rows"]
    ]
    if found["margin"] is None:
        shown = (
            f"The {found['groups']} groups show no action to keep them: every answer is "
            "the action that comes nearest, and says so."
        )
    else:
        shown = (
            f"The bundle permits an action where its predicted outcomes, plus "
            f"{found['margin']:.2f} deviations of their errors on groups left out, are "
            "within the limits."
        )
    return "\n".join([header, *lines, "", shown] if lines else [shown])


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"


def _unseen(skill: dict[str, Any], by: str) -> str:
    """Say how well costs are predicted where training never looked."""

    def shown(name: str, form: str) -> str:
        value, low, high = (
            "unknown" if each is None else format(each, form) for each in skill[name]
        )
        return f"{value} [{low}, {high}]"

    return (
        f"Log cost of single batches in groups left out ({skill['rows']} batches of "
        f"{skill['groups']} groups by {by}, {skill['folds']} folds; 95 % intervals over "
        f"groups): error {skill['error']:.2f}, R2 {shown('r2', '.2f')}; by the median of each operation type and size "
        f"{shown('median_r2', '.2f')}. Intervals of {skill['nominal']:.0%} hold in "
        f"{shown('coverage', '.1%')} of the batches, {skill['mean_group_coverage']:.1%} in "
        f"the mean over groups. The level reads {', '.join(skill['read']) or 'no more'}."
    )


def _waves_table(sizes: list[dict[str, Any]]) -> str:
    header = (
        "| agents at once | waves | runs | failed | projects | makespan, s | speed-up "
        "| agent-seconds a run | output tokens a run | money a run, $ | waves measured |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|"
    )
    lines = [
        f"| {row['agents']} | {row['waves']} | {row['runs']} | {row['failed']} "
        f"| {row['projects']} | {_shown(row['makespan_s'], 0)} "
        f"| {_shown(row['speed_up'], 2)} | {_shown(row['agent_seconds'], 0)} "
        f"| {_shown(row['output_tokens'], 0)} | {_shown(row['money_usd'], 3)} "
        f"| {row['measured']} |"
        for row in sizes
    ]
    return "\n".join(["Waves by size; medians.", "", header, *lines])


def _matched_table(matched: list[dict[str, Any]]) -> str:
    header = (
        "| a run of a wave, over single runs of its project | ratio [95 %] | waves "
        "| intervals over |\n|---|---|---|---|"
    )
    lines = [
        f"| {row['what']} | {_ratio(row)} | {row['waves']} "
        f"| {row['groups']} {row['over']} |"
        for row in matched
    ]
    return "\n".join([header, *lines])


def _ratio(row: dict[str, Any]) -> str:
    if row["ratio"] is None:
        return "too few"
    return f"{row['ratio']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"


def _shown(value: float | None, digits: int) -> str:
    return "unknown" if value is None else f"{value:,.{digits}f}"


def _support_table(support: list[dict[str, Any]]) -> str:
    header = (
        "| operation type | size | batches | sessions "
        "| seconds per successful operation [95 %] |\n|---|---|---|---|---|"
    )
    lines = [
        f"| {markdown(row['operation_type'])} | {row['size']} | {row['batches']} "
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


def _floor(judged: dict[str, Any]) -> str:
    if judged["noise_floor"] is None:
        return "Slowdowns include noise: the best is named by the costs that grade."
    return (
        "Slowdowns are graded on repeats that did not name the best; noise floor "
        f"{judged['noise_floor']:.3f}: what the best of one half of the repeats loses on "
        "the other."
    )


def _shares(rungs: dict[str, float]) -> str:
    return ", ".join(
        f"{markdown(name)} in {share:.0%}" for name, share in rungs.items()
    )


def _ladder_table(ladder: list[dict[str, Any]]) -> str:
    """Write each rung with its evidence."""
    header = (
        "| rung | against | cost | upper bound | groups (needed) | answers |\n"
        "|---|---|---|---|---|---|"
    )
    lines = []
    for rung in ladder:
        found = rung["evidence"]
        shown = (
            found["upper"] is not None and found["upper"] < 0 and not found["observed"]
        )
        lines.append(
            f"| {markdown(rung['name'])} | {markdown(found['below'])} "
            f"| {_change(found['difference'])} "
            f"| {_change(found['upper'])} | {found['groups']} "
            f"({found['groups_needed']}) | {'yes' if shown else 'no'} |"
        )
    return "\n".join([header, *lines])


def _change(log_difference: float | None) -> str:
    if log_difference is None:
        return "unknown"
    return f"{100 * math.expm1(min(log_difference, 50.0)):+.1f} %"
