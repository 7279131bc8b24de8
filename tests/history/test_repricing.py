"""Money is computed again from tokens; what a client recorded is never touched."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from toolkit.cli import run
from toolkit.history import RecordStore, read_store, reprice_store
from toolkit.history.importers.usage import TokenUsage
from toolkit.history.prices import ListPrices, Money, TokenCounts, Unpriced
from toolkit.records import Batch, Provenance, Turn

BEGUN = datetime(2026, 3, 2, tzinfo=UTC)


class Book:
    """So many dollars a token of output, for the models it knows."""

    def __init__(self, usd: float, *models: str, basis: str = "book 1") -> None:
        self.basis = basis
        self.usd = usd
        self.models = models

    def price(
        self, model: str | None, when: datetime, tokens: TokenCounts
    ) -> Money | Unpriced:
        if model not in self.models:
            return Unpriced(model, self.basis)
        cost = self.usd * (tokens.output_tokens or 0)
        return Money(cost, self.basis, when.date().isoformat())


def turn(number: int, model: str = "m1", **fields: object) -> Turn:
    return Turn(
        record_id=f"t{number}",
        at=BEGUN + timedelta(days=number),
        source="test",
        provenance=Provenance.DERIVED,
        model=model,
        input_tokens=10,
        output_tokens=number,
        declared_usd=0.5,
        **fields,  # type: ignore[arg-type]  # a test's own
    )


def turns(store: Path) -> Iterator[Turn]:
    found = read_store(store).scan("turn")
    return (record for record in found if isinstance(record, Turn))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Four turns, one of them not compacted yet, one of an unknown model."""
    with RecordStore(tmp_path / "store") as opened:
        opened.add_all([turn(1), turn(2, money_usd=9.0, price_basis="old"), turn(3)])
        opened.compact()
        opened.add(turn(4, "m2"))
    return tmp_path / "store"


def test_every_turn_is_priced_from_its_tokens_by_its_day(store: Path) -> None:
    done = reprice_store(store, Book(2.0, "m1"))
    found = {t.record_id: t for t in turns(store)}

    assert [found[f"t{n}"].money_usd for n in (1, 2, 3, 4)] == [2.0, 4.0, 6.0, None]
    assert found["t3"].price_date == "2026-03-05"
    assert {t.price_basis for t in found.values()} == {"book 1"}
    assert (done.turns, done.priced, done.changed) == (4, 3, 4)
    assert (done.before_usd, done.after_usd, done.unpriced) == (9.0, 12.0, {"m2": 1})


def test_what_a_client_recorded_and_the_tokens_stay(store: Path) -> None:
    before = [(t.declared_usd, t.tokens, t.at) for t in turns(store)]
    reprice_store(store, Book(2.0, "m1"))

    assert [(t.declared_usd, t.tokens, t.at) for t in turns(store)] == before


def test_pricing_twice_changes_nothing_the_second_time(store: Path) -> None:
    reprice_store(store, Book(2.0, "m1"))
    parts = sorted((store / "dataset").rglob("*.parquet"))
    again = reprice_store(store, Book(2.0, "m1"))

    assert again.changed == 0
    assert sorted((store / "dataset").rglob("*.parquet")) == parts


def test_a_dry_run_writes_nothing(store: Path) -> None:
    done = reprice_store(store, Book(2.0, "m1"), dry_run=True)

    assert (done.changed, done.after_usd, done.written) == (4, 12.0, False)
    assert next(t for t in turns(store) if t.record_id == "t2").money_usd == 9.0


def test_days_of_which_nothing_changes_are_not_written_again(store: Path) -> None:
    reprice_store(store, Book(2.0, "m1"))
    with RecordStore(store) as opened:
        opened.compact()
    day = store / "dataset" / "kind=turn" / "day=2026-03-03"
    before = list(day.iterdir())
    with RecordStore(store) as opened:
        opened.add(turn(9))
    reprice_store(store, Book(2.0, "m1"))

    assert list(day.iterdir()) == before


def test_a_model_that_became_known_is_priced_and_the_index_still_knows_its_turn(
    store: Path,
) -> None:
    reprice_store(store, Book(2.0, "m1"))
    reprice_store(store, Book(2.0, "m1", "m2", basis="book 2"))
    with RecordStore(store) as opened:
        again = opened.add(turn(4, "m2"))
        opened.compact()
    priced = {t.record_id: t.money_usd for t in turns(store)}

    assert again == "duplicate"
    assert priced["t4"] == 8.0


def test_other_kinds_are_left_as_they_are(store: Path) -> None:
    batch = Batch(
        record_id="b",
        at=BEGUN,
        source="test",
        provenance=Provenance.DERIVED,
        operation_type="shell",
        size=1,
    )
    with RecordStore(store) as opened:
        opened.add(batch)
    reprice_store(store, Book(2.0, "m1"))

    assert list(read_store(store).scan("batch")) == [batch]


def test_the_command_uses_the_installed_list(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RecordStore(store) as opened:
        opened.add(turn(5, "claude-sonnet-4-5-20250929"))
    words = ["records", "price", "--store", str(store), "--json"]

    assert run([*words, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] is False
    assert run(words) == 0
    done = json.loads(capsys.readouterr().out)
    expected = ListPrices().price(
        "claude-sonnet-4-5-20250929", BEGUN, TokenUsage(10, output_tokens=5)
    )
    assert isinstance(expected, Money)
    assert done["after_usd"] == pytest.approx(expected.usd)
    assert done["unpriced"] == {"m1": 3, "m2": 1}
