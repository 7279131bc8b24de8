"""`toolkit review replay`: what other batch sizes or agent counts would have cost."""

import argparse
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.engine_option import add_engine_options, chosen_spark
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table, print_text
from toolkit.cli.progress import progress
from toolkit.cli.seed_option import add_seed_option

if TYPE_CHECKING:
    from toolkit.review.replay import Replay

__all__ = ["add_replay"]


def add_replay(verbs: Any) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "replay",
        help="what other batch sizes or agent counts would have cost",
        description="Replays every session of the store: the calls keep their "
        "durations, a turn takes what that agent's turns took. First what was recorded is "
        "replayed; its error stands beside every answer. The answer is two bounds: what "
        "surely could go together, and all that is not excluded.",
    )
    add_store_option(parser, reads=True)
    parser.add_argument(
        "--policy",
        action="append",
        required=True,
        metavar="POLICY",
        help="size:N, rule, bundle:DIR, agents:N or recorded; may be given several times",
    )
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        choices=("project", "branch", "host", "client", "model", "week"),
        help="replay each part apart; may be given several times",
    )
    add_seed_option(parser)
    add_engine_options(parser)
    add_json_option(parser)
    parser.set_defaults(command=_replay)


def _replay(options: argparse.Namespace) -> int:
    import numpy as np

    from toolkit.history import read_store
    from toolkit.review import read_facts
    from toolkit.review.replay import read_policy, replay_history

    policies = [read_policy(text) for text in options.policy]
    spark = chosen_spark(options)
    with progress("replaying") as shown:
        facts = read_facts(read_store(options.store, report=shown), spark=spark)
        found = []
        for done, policy in enumerate(policies):
            shown(done, len(policies), policy.name)
            rng = np.random.default_rng(options.seed)
            found.append(replay_history(facts, policy, rng=rng))
    parts = {
        dimension: {
            value: _of_part(found, dimension, value, seed=options.seed)
            for value in found[0].values(dimension)
        }
        for dimension in options.by
    }
    if options.json:
        answer: dict[str, Any] = {"replays": [each.to_json() for each in found]}
        if parts:
            answer["by"] = {
                dimension: {value: _part_json(part) for value, part in named.items()}
                for dimension, named in parts.items()
            }
        print_json(answer)
    else:
        _print(found)
        _print_parts(parts)
    return 0


def _of_part(
    found: "list[Replay]", dimension: str, value: str, *, seed: int
) -> "list[Replay] | str":
    """Sum up one part under every policy; where it has too little, say so."""
    import numpy as np

    from toolkit.errors import NotEnoughDataError

    try:
        return [
            each.of_part(dimension, value, rng=np.random.default_rng(seed))
            for each in found
        ]
    except NotEnoughDataError as error:
        return str(error)


def _part_json(part: "list[Replay] | str") -> Any:
    if isinstance(part, str):
        return {"not_enough": part}
    return [each.to_json() for each in part]


def _print_parts(parts: "dict[str, dict[str, list[Replay] | str]]") -> None:
    for dimension, named in parts.items():
        for value, part in named.items():
            if isinstance(part, str):
                print_note(f"{dimension} {value}: {part}")
            else:
                print_text(f"\n{dimension} {value}")
                _print_table(part)


def _print(found: "list[Replay]") -> None:
    first = found[0]
    print_text(
        f"self-replay of {first.timed:,} sessions: {first.error:.1%} off in the median, "
        f"{_range_of(first.error_low, first.error_high)} in nine of ten; "
        f"{first.left_out} are left out below (more than 25 % off), "
        f"{first.untimed} more have no cycle without a person"
    )
    _print_table(found)
    print_note(
        "turns with calls, of all agents; a cycle with a person in it, or not measured, is "
        "in none of these figures, and joins nothing: a review's bounds count such pairs too"
    )


def _print_table(found: "list[Replay]") -> None:
    print_table(
        ["policy", "time, surely", "95 %", "time, at most", "95 %", "turns"],
        [
            [
                each.policy,
                _percent(each.change[0][0]),
                _range_of(*each.change[0][1:]),
                _percent(each.change[1][0]),
                _range_of(*each.change[1][1:]),
                f"{each.turns[0]:,.0f} -> {each.turns[1]:,.0f} to {each.turns[2]:,.0f}",
            ]
            for each in found
        ],
    )


def _percent(share: float) -> str:
    return f"{share:+.1%}"


def _range_of(low: float, high: float) -> str:
    return f"{_percent(low)} to {_percent(high)}"
