"""`toolkit report off-policy`: what another policy would have cost, or why unknown."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_text
from toolkit.cli.seed_option import add_seed_option

if TYPE_CHECKING:
    from toolkit.experiments.evaluation import OffPolicyReport
    from toolkit.policies import Policy
    from toolkit.records import Batch

__all__ = ["add_split", "add_verb"]

NO_RULE_SIZE = 3
"""`shell`, the one type with a rule of ours, has this optimum (definitions, section 1)."""


def add_verb(subparsers: Any) -> None:
    """Add the verb to the `report` noun."""
    parser = subparsers.add_parser(
        "off-policy",
        help="estimate what another batch-size policy would have cost",
        description="Exits with 5 and the reason where the store cannot tell.",
    )
    add_store_option(parser, reads=True)
    parser.add_argument(
        "--policy",
        required=True,
        help="`rule`, `size:N`, or `bundle:DIR`: its cheapest supported size, "
        "unguarded, and the rule's where it has none",
    )
    parser.add_argument(
        "--against", default="rule", help="policy to compare with (default: `rule`)"
    )
    parser.add_argument("--type", help="only batches of this operation type")
    parser.add_argument(
        "--include-simulated", action="store_true", help="use simulated records too"
    )
    add_seed_option(parser)
    add_split(parser)
    add_json_option(parser)
    parser.set_defaults(command=off_policy)


def add_split(parser: argparse.ArgumentParser) -> None:
    """Add `--by`, which splits a report."""
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        choices=("project", "branch", "host", "client"),
        help="report each part apart; may be given several times",
    )


def off_policy(options: argparse.Namespace) -> int:
    """Evaluate and print."""
    import numpy as np

    from toolkit.cli.output import print_json
    from toolkit.cli.progress import progress
    from toolkit.experiments.evaluation import evaluate_batch_policy
    from toolkit.history import read_store, shown_names
    from toolkit.metrics.off_policy import OverlapLimits, Sampling
    from toolkit.records import Batch

    policy, against = _policy(options.policy), _policy(options.against)
    dataset = read_store(options.store)
    with progress("reading"):
        batches = [
            record
            for record in dataset.scan("batch")
            if isinstance(record, Batch)
            and (options.type is None or record.operation_type == options.type)
        ]

    def evaluated(rows: "list[Batch]") -> "OffPolicyReport":
        with progress("evaluating"):
            return evaluate_batch_policy(
                rows,
                policy=policy,
                reference=against,
                rng=np.random.default_rng(options.seed),
                limits=OverlapLimits(),
                sampling=Sampling(),
                simulated=options.include_simulated,
            )

    if options.by:
        return _split(options, batches, shown_names(dataset), evaluated)
    found = evaluated(batches)
    if options.json:
        print_json(found.to_json())
    else:
        _print(found)
    return 0


def _split(
    options: argparse.Namespace,
    batches: "list[Batch]",
    shown_as: Callable[[str | None], str],
    evaluated: "Callable[[list[Batch]], OffPolicyReport]",
) -> int:
    """Evaluate each part apart; one that has too little says so, and stops no other."""
    from toolkit.cli.output import print_json, print_note
    from toolkit.errors import NotEnoughDataError

    shown: dict[str, dict[str, Any]] = {}
    for dimension in options.by:
        parts: dict[str, list[Batch]] = {}
        for batch in batches:
            value = shown_as(getattr(batch, dimension))
            parts.setdefault(value, []).append(batch)
        for value, rows in sorted(parts.items(), key=lambda part: -len(part[1])):
            found = shown.setdefault(dimension, {})
            if not options.json:
                print_text(f"\n{dimension} {value}")
            try:
                report = evaluated(rows)
            except NotEnoughDataError as error:
                found[value] = {"not_enough": str(error)}
                print_note(f"{dimension} {value}: {error}")
                continue
            found[value] = report.to_json()
            if not options.json:
                _print(report)
    if options.json:
        print_json({"by": shown})
    return 0


def _policy(text: str) -> "Policy":
    from toolkit.errors import UsageError
    from toolkit.policies.rules import (
        BatchSizeRule,
        BatchSizeRulePolicy,
        ConstantPolicy,
    )

    kind, _, argument = text.partition(":")
    rule = BatchSizeRulePolicy(BatchSizeRule(), constant=NO_RULE_SIZE)
    if text == "rule":
        return rule
    if kind == "size" and argument.isdigit() and int(argument) > 0:
        return ConstantPolicy(float(argument), name=text)
    if kind == "bundle" and argument:
        from toolkit.bundle import read_bundle
        from toolkit.experiments.evaluation import RuleWhereUnsupported

        bundle = read_bundle(Path(argument))
        if bundle.manifest.decision != "batch_size":
            raise UsageError(
                f"the bundle in {argument} decides {bundle.manifest.decision}; this "
                "report needs one that decides batch_size"
            )
        return RuleWhereUnsupported(
            bundle.policy(), rule, offered=bundle.manifest.actions, name=text
        )
    raise UsageError(
        f"`{text}` is not a policy; give `rule`, `size:N` with N above 0, or "
        "`bundle:DIR`"
    )


def _print(found: "OffPolicyReport") -> None:
    from toolkit.cli.output import print_note, print_table

    print_table(
        [
            "estimator",
            "s per success",
            "95 % interval",
            f"against {found.reference}",
            "95 % interval",
        ],
        [
            [
                each.estimator,
                f"{each.cost.estimate:.3g}",
                f"{each.cost.low:.3g} to {each.cost.high:.3g}",
                _percent(each.log_gain.estimate),
                f"{_percent(each.log_gain.low)} to {_percent(each.log_gain.high)}",
            ]
            for each in found.estimates
        ],
    )
    for name, reason in found.unanswered.items():
        print_note(f"`{name}` cannot answer: {reason}")
    seen = found.overlap
    print_note(
        f"{found.batches} batches in {seen.clusters} sessions; {seen.matched} matching in "
        f"{seen.matched_clusters} sessions; effective sample size "
        f"{seen.effective_sample_size:.0f}; smallest propensity "
        f"{seen.smallest_propensity:.3g}; left out: {found.left_out or 'none'}"
    )
    verdict = "is" if found.shows_improvement else "is not"
    print_text(
        f"`{found.policy}` {verdict} shown to be cheaper than `{found.reference}`."
    )


def _percent(log_difference: float) -> str:
    from math import expm1

    return f"{100 * expm1(min(log_difference, 50.0)):+.1f} %"
