"""What experiment 005 found, held against what was promised."""

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.studies.off_policy.power import promoted_limit

__all__ = ["doubly_robust_cells", "equal_rates", "summary"]

BIAS = 0.01
COVERAGE = (0.93, 0.97)
FALSE_CLAIMS = 0.05
"""Promises about the doubly robust estimate; the bias is one of log cost."""

SIGMAS = 2.0
"""Monte-Carlo standard errors that a bias may lie beyond its limit."""


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """Count what held and name what did not.

    Parameters
    ----------
    found : mapping
        As in `results.json` of the experiment.

    Returns
    -------
    dict
        JSON types.
    """
    cells = list(doubly_robust_cells(found))
    gate = found["parts"].get("gate power")
    return {
        "off_policy": _kept([c for c in cells if c["scenario"] != "drift"]),
        "drift": _kept([c for c in cells if c["scenario"] == "drift"]),
        "equal_challengers": _equal(found),
        "records_needed": gate["records_needed"] if gate else {},
    }


def doubly_robust_cells(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """List one row for each table, scenario, quantity and cost model.

    Parameters
    ----------
    found : mapping
        As in `results.json` of the experiment.

    Yields
    ------
    dict
        JSON types; `refused` is a share, 0 to 1.
    """
    for name, part in found["parts"].items():
        if not name.startswith("off-policy "):
            continue
        for scenario in part:
            about = {
                "table": scenario["table"],
                "scenario": scenario["scenario"],
                "refused": scenario["refused"] / scenario["worlds"],
            }
            for score in scenario["scores"]:
                if score["estimator"] == "dr":
                    yield {**score, **about}


def equal_rates(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """List the gate's answers in worlds where the challenger costs the same.

    Parameters
    ----------
    found : mapping
        As in `results.json` of the experiment.

    Yields
    ------
    dict
        JSON types.
    """
    for name, part in found["parts"].items():
        if name == "gate power":
            yield from (rate for rate in part["rates"] if rate["gain"] == 0)
        elif name.startswith("gate "):
            yield from part


def _kept(cells: list[dict[str, Any]]) -> dict[str, Any]:
    biased = [c for c in cells if abs(c["bias"]) > BIAS + SIGMAS * c["bias_error"]]
    low, high = COVERAGE
    outside = [c for c in cells if not low <= c["coverage"] <= high]
    claims = [
        c for c in cells if (c["scenario"], c["quantity"]) == ("no gain", "difference")
    ]
    false = [c for c in claims if c["claims"] > FALSE_CLAIMS]
    return {
        "cells": len(cells),
        "biased": [_named(c, "bias") for c in biased],
        "coverage": [
            min((c["coverage"] for c in cells), default=None),
            max((c["coverage"] for c in cells), default=None),
        ],
        "coverage_outside": [_named(c, "coverage") for c in outside],
        "claims": max((c["claims"] for c in claims), default=None),
        "false_claims": [_named(c, "claims") for c in false],
        "refused": max((c["refused"] for c in cells), default=None),
    }


def _named(cell: Mapping[str, Any], figure: str) -> dict[str, Any]:
    names = ("table", "scenario", "quantity", "model", figure)
    return {name: cell[name] for name in names}


def _equal(found: Mapping[str, Any]) -> dict[str, Any] | None:
    rates = list(equal_rates(found))
    if not rates:
        return None
    worst = max(rates, key=lambda rate: rate["promoted"] / rate["worlds"])
    error_rate = found["spec"]["rules"]["error_rate"]
    return {
        "designs": len(rates),
        "worlds": worst["worlds"],
        "most_promoted": worst["promoted"],
        "limit": promoted_limit(worst["worlds"], error_rate),
        "where": worst["name"],
    }
