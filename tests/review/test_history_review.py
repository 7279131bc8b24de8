import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.review.reviewed import Talk, facts_of, import_sessions, review_of
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.history import RecordStore, read_store
from toolkit.review import Facts, render_text, review, rules
from toolkit.review.figure import Figure
from toolkit.review.spent import spending


def talk(session: str = "s1") -> Talk:
    made = Talk(session)
    made.turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
    made.read("/home/a/alpha.py").read("/home/a/bravo.py")
    made.turn(
        ("Bash", {"command": "make"}, "Exit code 1"),
        (
            "Bash",
            {"command": "x"},
            "<tool_use_error>Sibling tool call errored</tool_use_error>",
        ),
        failed=(0, 1),
    )
    return made.read("/home/a/alpha.py")


def without(store: Path, target: Path, record_id: str) -> Path:
    """Copy a store, but for one record."""
    with RecordStore(target) as copy:
        for kind in ("batch", "turn", "coordination"):
            kept = read_store(store).scan(kind)
            copy.add_all([each for each in kept if each.record_id != record_id])
    return target


def figure_names() -> list[str]:
    return [
        "spent.turns",
        "spent.tokens.cached",
        "spent.latency",
        "merge.read.turns.lower",
        "merge.all.latency.upper",
        "lost.siblings",
    ]


@pytest.mark.parametrize("name", figure_names())
def test_a_figure_moves_when_one_of_its_records_is_gone(
    tmp_path: Path, name: str
) -> None:
    store = import_sessions(tmp_path, talk())
    figure = review(read_store(store)).explain(name)

    smaller = without(store, tmp_path / "smaller", figure.records[0])
    again = review(read_store(smaller)).explain(name)

    assert figure.records
    assert again.value < figure.value
    assert figure.records[0] not in again.records


def test_an_unknown_figure_is_a_usage_error_that_lists_the_known(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match=r"lost\.siblings"):
        review_of(tmp_path, talk()).explain("lost.patience")


def test_a_forked_session_counts_once(tmp_path: Path) -> None:
    once = review_of(tmp_path / "once", talk())
    original, fork = talk(), talk()
    fork_path = tmp_path / "twice" / "projects" / "-home-a" / "fork.jsonl"
    import_sessions(tmp_path / "twice", original)
    fork_path.write_text("\n".join(map(json.dumps, fork.session.lines)) + "\n")

    twice = review_of(tmp_path / "twice", original)

    assert twice.to_json()["figures"] == once.to_json()["figures"]


def test_an_empty_period_is_not_enough_data(tmp_path: Path) -> None:
    store = import_sessions(tmp_path, talk())

    with pytest.raises(NotEnoughDataError, match="review"):
        review(read_store(store), since=datetime(2030, 1, 1, tzinfo=UTC))


def test_secrets_of_a_transcript_appear_in_no_output(tmp_path: Path) -> None:
    secrets = ["hunter2secret", "AKIAPLANTED", "/home/a/very_private"]
    made = Talk().turn(("Bash", {"command": f"echo {secrets[0]}"}, secrets[1]))
    made.read(f"{secrets[2]}/alpha.py").read("/home/a/bravo.py")
    found = review_of(tmp_path, made)

    text = render_text(found, by=("project", "operation"))
    said = text + json.dumps(found.to_json()) + "\n".join(rules(found))

    assert [secret for secret in secrets if secret in said] == []


def test_rules_are_at_most_twelve_lines(tmp_path: Path) -> None:
    assert 1 < len(rules(review_of(tmp_path, talk()))) <= 12


def test_without_prices_there_is_no_price_never_zero(tmp_path: Path) -> None:
    assert "$0.00" not in render_text(review_of(tmp_path, talk()))


def test_a_figure_says_how_it_is_computed(tmp_path: Path) -> None:
    figures = list(review_of(tmp_path, talk()).figures())

    assert {field.name for field in fields(Figure)} >= {"how", "records"}
    assert all(figure.how for figure in figures)


def test_the_share_of_tokens_without_a_price_is_said(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, Talk().read("/a.py").read("/b.py"))
    turns = {
        **facts.turns,
        "money_usd": np.array([0.5, np.nan]),
        "input_tokens": np.array([10.0, 30.0]),
        "cache_read_tokens": np.array([0.0, 60.0]),
        "output_tokens": np.array([0.0, np.nan]),
    }

    spent = spending(Facts(batches=facts.batches, turns=turns, waves=facts.waves))

    assert spent.unpriced == pytest.approx(0.9)


def test_tokens_that_no_log_holds_are_unknown_and_not_0(tmp_path: Path) -> None:
    found = review_of(tmp_path, Talk().read("/a.py").read("/b.py"))
    nothing = np.full(len(found.facts.turns["record_id"]), np.nan)
    names = ("input_tokens", "cache_read_tokens", "money_usd")
    turns = {**found.facts.turns, **dict.fromkeys(names, nothing)}
    facts = Facts(batches=found.facts.batches, turns=turns, waves=found.facts.waves)

    text = render_text(replace(found, facts=facts, spent=spending(facts)))

    assert "tokens unknown in, unknown cached, 100 out; no price" in text
