import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.errors import StorageError
from toolkit.history.generation import Generation
from toolkit.history.index import ASK_IDS, KnownIndex
from toolkit.records import Span, Spool

ONE = (("batch", "b1"), {7: 3})


@pytest.fixture
def index(tmp_path: Path) -> Iterator[KnownIndex]:
    index = KnownIndex(tmp_path / "index.sqlite")
    index.clear()  # as a store does with one that does not agree with its files
    yield index
    index.close()


def test_copies_of_a_record_are_recalled_by_kind_and_name(index: KnownIndex) -> None:
    assert index.is_empty()
    index.remember([ONE, (("batch", "b1"), {8: 4}), (("turn", "b1"), {9: 1})])

    assert not index.is_empty()
    assert index.recall([("batch", "b1"), ("batch", "b2")]) == {
        ("batch", "b1"): {7: 3, 8: 4}
    }


def test_more_names_than_one_question_takes_are_all_found(index: KnownIndex) -> None:
    names = [("batch", f"b{number}") for number in range(2 * ASK_IDS + 1)]
    index.remember([(name, {1: 1}) for name in names])

    assert index.recall(names).keys() == set(names)


def test_a_span_counts_only_where_it_goes_on_from_what_is_known(
    index: KnownIndex,
) -> None:
    index.remember([ONE], Span(1, 0, 10))
    index.remember([ONE], Span(1, 20, 30))  # another process wrote 10 to 20
    assert index.absorbed(1) == 10

    index.remember([ONE], Span(1, 10, 20))
    assert index.absorbed(1) == 20
    assert index.absorbed(2) == 0


def test_what_a_dataset_has_merged_is_no_longer_compared(
    index: KnownIndex, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool")
    assert not index.agrees(Generation(), spool)
    index.match(Generation(number=1))
    assert index.agrees(Generation(number=1), spool)

    index.absorb(4, 100)  # of a segment that is not there
    assert not index.agrees(Generation(number=1), spool)
    assert index.agrees(Generation(number=2, merged=4), spool)
    index.match(Generation(number=2, merged=4))
    assert index.absorbed(4) == 0


def test_an_index_of_a_later_or_a_lost_generation_does_not_agree(
    index: KnownIndex, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool")
    index.match(Generation(number=5))

    assert not index.agrees(Generation(number=4), spool)
    assert not index.agrees(Generation(number=7, lost=6), spool)


def test_all_is_forgotten_at_once(index: KnownIndex, tmp_path: Path) -> None:
    index.remember([ONE], Span(1, 0, 10))
    index.match(Generation(number=1))
    index.clear()

    assert index.is_empty()
    assert index.absorbed(1) == 0
    assert not index.agrees(Generation(number=1), Spool(tmp_path / "spool"))


def test_a_damaged_index_is_replaced_and_said_to_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"not a database, and longer than a header" * 40)
    with caplog.at_level(logging.WARNING):
        index = KnownIndex(path)

    assert index.is_empty()
    assert "is damaged and rebuilt" in caplog.text
    index.close()


def test_a_folder_in_its_place_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").mkdir()

    with pytest.raises(StorageError):
        KnownIndex(tmp_path / "index.sqlite")
