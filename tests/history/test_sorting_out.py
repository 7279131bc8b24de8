from pathlib import Path

from tests.records.records import a_batch
from toolkit.history.sorting_out import Refused, sort_out
from toolkit.records import Segment, encode

GOOD = [encode(a_batch(f"b{number}").to_json()) for number in range(3)]
BAD = {
    b"no json\n": "not a JSON object",
    b"[1]\n": "not a JSON object",
    b'{"kind": "batches"}\n': "field `kind`: not a kind of record",
    GOOD[0].replace(b'"size":1', b'"size":-1'): "field `size`: ",
}


def test_what_is_no_record_is_set_aside_as_it_was_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    segment, work = tmp_path / "spool-00000003.jsonl", tmp_path / "work"
    work.mkdir()
    lines = [GOOD[0], *list(BAD)[:2], GOOD[1], *list(BAD)[2:], GOOD[2]]
    segment.write_bytes(b"".join(lines))

    clean, refused = sort_out([Segment(3, segment)], work, tmp_path / "aside")

    assert [path.read_bytes() for path in clean] == [b"".join(GOOD)]
    assert [each.line for each in refused] == [2, 3, 5, 6]
    for each, reason in zip(refused, BAD.values(), strict=True):
        assert isinstance(each, Refused)
        assert each.file == segment
        assert each.reason.startswith(reason)
    assert (tmp_path / "aside" / segment.name).read_bytes() == b"".join(BAD)


def test_sorting_out_again_replaces_what_was_set_aside(tmp_path: Path) -> None:
    segment, aside = tmp_path / "spool-00000001.jsonl", tmp_path / "aside"
    segment.write_bytes(b"no json\n")
    for _ in range(2):
        sort_out([Segment(1, segment)], tmp_path, aside)

    assert [path.read_bytes() for path in aside.iterdir()] == [b"no json\n"]


def test_where_every_line_is_a_record_nothing_is_set_aside(tmp_path: Path) -> None:
    segments = []
    for number, line in enumerate(GOOD):
        path = tmp_path / f"spool-{number:08d}.jsonl"
        path.write_bytes(line)
        segments.append(Segment(number, path))

    clean, refused = sort_out(segments, tmp_path, tmp_path / "aside")

    assert [path.read_bytes() for path in clean] == GOOD
    assert refused == []
    assert not (tmp_path / "aside").exists()
