"""`toolkit recommend`: a batch size, an agent count or a workflow, with its reason."""

import argparse
from typing import TYPE_CHECKING, Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_error, print_json, print_table
from toolkit.cli.places import local
from toolkit.cli.recommend.values import checked_context
from toolkit.cli.recommend.workflow import add_verb
from toolkit.errors import BundleRefusedError, UsageError

if TYPE_CHECKING:
    from toolkit.policies import Decision, Value
    from toolkit.runtime.advice import LadderAdvisor

__all__ = ["add_parser", "decision_json"]


def add_parser(subparsers: Any) -> None:
    """Add the noun and its verbs."""
    parser = subparsers.add_parser("recommend", help="recommend with a reason")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add(verbs, "batch", "recommend a batch size", "batch_size")
    _add(verbs, "agents", "recommend an agent count", "agent_count")
    add_verb(verbs)


def _add(verbs: Any, name: str, text: str, decision: str) -> None:
    from toolkit.runtime.advice import CONTEXT_COLUMNS

    columns = CONTEXT_COLUMNS[decision]
    parser = verbs.add_parser(name, help=text, description=text)
    parser.add_argument(
        "--bundle",
        type=local,
        metavar="DIR",
        help="exported model; none means the rule",
    )
    for column, meaning in columns.items():
        option = f"--{column.replace('_', '-')}"
        parser.add_argument(option, metavar="VALUE", help=meaning)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="any other column that the bundle reads; repeat",
    )
    add_json_option(parser)
    parser.set_defaults(command=recommend, decision=decision, columns=tuple(columns))


def recommend(options: argparse.Namespace) -> int:
    """Decide once and print the decision with what is behind it."""
    from toolkit.clock import SystemClock
    from toolkit.runtime.advice import open_advisor

    advisor = open_advisor(
        options.bundle, decision=options.decision, clock=SystemClock()
    )
    context = _context(options, advisor)
    decision = advisor.decide(context)
    if options.json:
        print_json(decision_json(decision, advisor))
    else:
        _print(decision, advisor, context.get("operation_type"))
    if advisor.refused is not None:
        print_error(f"bundle {options.bundle} refused: {advisor.refused}; rule used")
        return BundleRefusedError.exit_code
    if advisor.doubt is not None:
        print_error(f"bundle {options.bundle}: {advisor.doubt}; rule used")
        return BundleRefusedError.exit_code
    return 0


def decision_json(decision: "Decision", advisor: "LadderAdvisor") -> dict[str, Any]:
    """Write a decision as JSON types."""
    unit = None if advisor.bundle is None else advisor.bundle.manifest.cost_unit
    return {
        "decision": advisor.decision,
        "recommended": decision.action[0],
        "rule": None if decision.baseline is None else float(decision.baseline),
        "expected_cost": decision.expected_cost,
        "cost_low": decision.cost_low,
        "cost_high": decision.cost_high,
        "cost_unit": unit,
        "confidence": decision.confidence,
        "support": decision.support,
        "rung": decision.rung or "rule",
        "policy": decision.policy,
        "version": decision.version,
        "propensity": decision.propensity,
        "reason": {
            "code": decision.reason.code,
            "facts": dict(decision.reason.facts),
            "text": str(decision.reason),
        },
    }


def _print(
    decision: "Decision", advisor: "LadderAdvisor", operation_type: "Value"
) -> None:
    from toolkit.policies.rules import OPTIMUMS

    rule = str(decision.baseline)
    if advisor.decision == "batch_size" and operation_type not in OPTIMUMS:
        named = f"`{operation_type}`" if operation_type else "an unknown type"
        rule += f" (a constant: the specification has no size for {named})"
    unit = "" if advisor.bundle is None else advisor.bundle.manifest.cost_unit
    cost = (
        "not known"
        if decision.expected_cost is None
        else f"{decision.expected_cost:.4g} [{decision.cost_low:.4g}, "
        f"{decision.cost_high:.4g}] {unit}"
    )
    confidence = decision.confidence
    print_table(
        ["what", "answer"],
        [
            ["recommended", decision.label],
            ["the rule says", rule],
            ["expected cost", cost],
            [
                "probability of being no worse than the rule",
                "not known" if confidence is None else _percent(confidence),
            ],
            ["past rows near it", f"{decision.support:g}"],
            ["rung of the ladder", decision.rung or "rule"],
            ["because", decision.reason],
            ["policy", f"{decision.policy} {decision.version}"],
        ],
    )


def _percent(share: float) -> str:
    """Write a probability; what is not certain is never written as 100 %."""
    return f"{min(max(share, 0.01), 0.99):.0%}"


def _context(
    options: argparse.Namespace, advisor: "LadderAdvisor"
) -> "dict[str, Value]":
    given = {
        name: value
        for name in options.columns
        if (value := getattr(options, name)) is not None
    }
    for pair in options.set:
        name, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(f"`--set {pair}`: write it as COLUMN=VALUE")
        given[name] = value
    columns, categories = _known(options, advisor)
    return checked_context(given, columns=columns, categories=categories)


def _known(
    options: argparse.Namespace, advisor: "LadderAdvisor"
) -> "tuple[set[str], dict[str, tuple[str, ...]]]":
    """List the columns that a bundle or the rule reads, and the words of some."""
    from toolkit.history.importers.claude_code import known_tools
    from toolkit.policies.rules import OPTIMUMS

    columns = set(options.columns)
    types = {*OPTIMUMS, "mixed", *(t.operation_type for t in known_tools().values())}
    categories: dict[str, tuple[str, ...]] = {"operation_type": tuple(types)}
    if advisor.bundle is not None:
        for column in advisor.bundle.manifest.context_columns:
            columns.add(column.name)
            if column.kind == "category":
                categories[column.name] = tuple(column.categories)
    return columns, categories
