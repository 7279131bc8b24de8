"""The model card of a bundle: what it is for, what it is worth, where it stops."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.bundle import CONSTRAINTS, Manifest
from toolkit.escaping import code, markdown

__all__ = ["model_card"]


def model_card(manifest: Manifest, *, limits: Sequence[str], worst: float) -> str:
    """Write the card in Markdown.

    Parameters
    ----------
    manifest : Manifest
    limits : sequence of str
        What the training data does not support, a sentence each.
    worst : float
        Largest difference between the graph and the fitted model, in log cost.
    """
    schema = manifest.feature_schema
    columns = "\n".join(
        f"| `{code(c.name)}` | {markdown(c.kind)} | {markdown(c.unit)} | {markdown(c.about)} |"
        for c in (*manifest.context_columns, *schema.action)
    )
    support = "\n".join(
        f"| {markdown(key or 'all')} | {_counted(rows)} |"
        for key, rows in manifest.support.counts.items()
    )
    return f"""# {markdown(manifest.name)} {markdown(manifest.version)}

Decides: **{markdown(manifest.decision)}**. Predicts the natural logarithm of {markdown(manifest.cost_unit)}.
Created {manifest.created_at:%Y-%m-%d %H:%M} UTC, expires {manifest.expires_at:%Y-%m-%d}.

## Use

Recommends one of {_listed(manifest.actions)}. The rule (`{code(manifest.fallback.rule)}`) answers
unless a rung above it is shown better than the one below, at a one-sided level of
{manifest.guard_level:.0%} over groups that took no part in it; a column outside the range
that training saw counts as missing and widens the interval; an action that was not tried
is not recommended.{_constraints(manifest)}

{_ladder(manifest)}

## Training data

{_table(manifest.training)}

## Measured worth

{_table(manifest.metrics)}

Intervals hold {manifest.conformal.level:.0%} nominally, from
{manifest.conformal.groups} groups left out in turn. The exported graph equals the fitted
model to {worst:.2g} in log cost.

## What it reads

| column | kind | unit | meaning |
|---|---|---|---|
{columns}

## Support (action (rows))

| category | actions |
|---|---|
{support}

## Limits

{chr(10).join(f"* {markdown(limit)}" for limit in limits)}
"""


def _constraints(manifest: Manifest) -> str:
    """Say what every answer must keep."""
    asked = [
        f"`{code(outcome['name'])}` at most {outcome['at_most']:g} with probability "
        f"{outcome['probability']:g}"
        for outcome in manifest.extra.get(CONSTRAINTS, {}).get("outcomes", ())
    ]
    if not asked:
        return ""
    return (
        f" Every answer, the rule's too, keeps {', '.join(asked)}, or says that no action "
        "is shown to."
    )


def _ladder(manifest: Manifest) -> str:
    """Write each rung with its evidence."""
    rows = "\n".join(
        f"| {markdown(rung.name)} | {markdown(rung.evidence.below)} "
        f"| {_change(rung.evidence.difference)} "
        f"| {_change(rung.evidence.upper)} | {rung.evidence.groups} of "
        f"{rung.evidence.groups_needed} "
        f"| {'yes' if rung.evidence.shown else 'no'} |"
        for rung in manifest.ladder
    )
    head = "| rung | against | cost | at most | groups, needed | answers |"
    return f"{head}\n|---|---|---|---|---|---|\n{rows}"


def _change(log_difference: float | None) -> str:
    if log_difference is None or math.isinf(log_difference):
        return "unknown"
    return f"{100 * math.expm1(log_difference):+.1f} %"


def _counted(rows: Sequence[tuple[float, int]]) -> str:
    return ", ".join(f"{action:g} ({count})" for action, count in rows)


def _listed(actions: Sequence[float]) -> str:
    return ", ".join(f"{action:g}" for action in actions) or "the actions on offer"


def _table(values: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"| {markdown(name)} | {markdown(value)} |" for name, value in values.items()
    )
    return f"| what | value |\n|---|---|\n{rows}"
