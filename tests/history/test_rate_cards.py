"""Cards of models' rates: what the file says is what the list says."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from toolkit.history import Money
from toolkit.history.importers.usage import TokenUsage
from toolkit.history.prices import ListPrices
from toolkit.history.rate_cards import CARDS_NAME, CardFile

WHEN = datetime(2026, 7, 1, 3, tzinfo=UTC)
MODELS = [
    "gpt-5.5",
    "claude-sonnet-4-5",
    "deepseek-chat",
    "gpt-5.6-sol",
    "no-such-model",
]


def loads_list(model: str, store: Path) -> bool:
    """Whether another process has to load the list for a model."""
    code = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path\n"
        "from toolkit.history.prices import ListPrices\n"
        f"book = ListPrices(Path({str(store)!r}))\n"
        "from toolkit.history.importers.usage import TokenUsage\n"
        f"book.price({model!r}, datetime(2026, 7, 1, tzinfo=UTC), "
        "TokenUsage(1, output_tokens=1))\n"
        "print('genai_prices' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip() == "True"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("hour", [3, 17, 23])
def test_a_card_that_was_read_from_its_file_gives_the_rates_of_the_list(
    tmp_path: Path, model: str, hour: int
) -> None:
    cards, file = CardFile("list 1"), tmp_path / "prices.json"
    CardFile("list 1", file).rates(model, WHEN)
    read = CardFile("list 1", file)

    for when in (WHEN.replace(hour=hour), WHEN.replace(year=2025, hour=hour)):
        assert read.rates(model, when) == cards.rates(model, when)


@pytest.mark.parametrize("model", MODELS[:-1])
@pytest.mark.parametrize("month", range(1, 13))
def test_a_card_gives_what_the_list_gives_for_a_request(model: str, month: int) -> None:
    import genai_prices

    when = WHEN.replace(month=month)
    usage = genai_prices.Usage(input_tokens=1000, output_tokens=1000)
    listed = genai_prices.calc_price(usage, model, genai_request_timestamp=when)
    rates = CardFile("any").rates(model, when)

    assert rates is not None
    assert (rates.input + rates.output) / 1000 == pytest.approx(
        float(listed.total_price)
    )


def test_the_list_is_not_loaded_for_a_model_that_was_asked_for_before(
    tmp_path: Path,
) -> None:
    first, again = (loads_list("gpt-5.5", tmp_path) for _ in range(2))

    assert (first, again) == (True, False)
    assert loads_list("gpt-5.4", tmp_path)


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'{"basis": "list 1", "cards": {"gpt-5.5": [[1]]}}', b"\xff"],
)
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "prices.json"
    file.write_bytes(damage)

    assert CardFile("list 1", file).rates("gpt-5.5", WHEN) is not None
    assert "gpt-5.5" in json.loads(file.read_bytes())["cards"]


def test_cards_of_another_version_of_the_list_are_not_used(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    dear = [[None, None, None, [9e9, 9e9, 9e9, 9e9, 9e9, []]]]
    file.write_text(json.dumps({"basis": "list 1", "cards": {"gpt-5.5": dear}}))
    rates = CardFile("list 2", file).rates("gpt-5.5", WHEN)

    assert rates is not None
    assert rates.input < 1000


def test_without_a_writable_store_prices_are_found_all_the_same(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    assert CardFile("list 1", blocked / CARDS_NAME).rates("gpt-5.5", WHEN) is not None
    assert CardFile("list 1").rates("gpt-5.5", WHEN) is not None


def test_two_processes_keep_each_others_cards(tmp_path: Path) -> None:
    file = tmp_path / CARDS_NAME
    one, other = (CardFile("list 1", file) for _ in range(2))
    one.rates("no-such-model", WHEN)
    other.rates("another-model", WHEN)
    one.rates("a-third", WHEN)

    cards = json.loads(file.read_bytes())["cards"]

    assert set(cards) == {"no-such-model", "another-model", "a-third"}


def test_what_a_store_keeps_of_prices_is_not_open_to_others(tmp_path: Path) -> None:
    CardFile("list 1", tmp_path / "store" / CARDS_NAME).rates("gpt-5.5", WHEN)

    assert (tmp_path / "store" / CARDS_NAME).stat().st_mode & 0o077 == 0


def test_a_book_without_a_store_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = ListPrices().price("gpt-5.5", WHEN, TokenUsage(1, output_tokens=1))

    assert isinstance(found, Money)
    assert not list(tmp_path.iterdir())
