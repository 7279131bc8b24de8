import os
from pathlib import Path

import psutil
import pytest

from tests.history.importers.claude_code.transcripts import Session, write
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import


def session(folder: Path, name: str, calls: int = 1) -> Path:
    made = Session(name)
    for number in range(calls):
        made.call(5 * number, f"{name}{number}", message=f"m{number}")
        made.result(5 * number + 1, f"{name}{number}")
    return write(folder / f"{name}.jsonl", made.lines)


def again(root: Path, *paths: Path) -> ImportReport:
    with RecordStore(root) as store:
        return run_import(open_source("claude-code"), paths, store, skip_unchanged=True)


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    session(folder, "a")
    first = again(tmp_path / "store", folder)
    session(folder, "b")
    second = again(tmp_path / "store", folder)
    third = again(tmp_path / "store", folder)

    assert (first.files, first.unchanged_files) == (1, 0)
    assert (second.files, second.batches, second.unchanged_files) == (1, 1, 1)
    assert (third.files, third.unchanged_files, third.is_useless) == (0, 2, False)


def test_an_import_that_dies_has_noted_what_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.history.importers.importing.SAVE_ROWS", 3)
    for name in ("a", "b", "c"):
        session(tmp_path / "logs", name, calls=2)

    def stop(done: float, total: float, what: str) -> None:
        if done == total - 1:
            raise KeyboardInterrupt(what)

    with (
        pytest.raises(KeyboardInterrupt),
        RecordStore(tmp_path / "store") as store,
    ):
        run_import(
            open_source("claude-code"),
            [tmp_path / "logs"],
            store,
            skip_unchanged=True,
            progress=stop,
        )
    still_open = {Path(file.path).parent for file in psutil.Process().open_files()}
    report = again(tmp_path / "store", tmp_path / "logs")

    assert tmp_path / "store" not in still_open
    assert (report.files, report.unchanged_files) == (1, 2)


def test_a_file_that_has_grown_is_read_again(tmp_path: Path) -> None:
    path = session(tmp_path, "a")
    again(tmp_path / "store", path)
    session(tmp_path, "a", calls=2)

    assert again(tmp_path / "store", path).added > 0


def test_a_file_of_the_same_size_and_modification_time_is_read_again(
    tmp_path: Path,
) -> None:
    path = session(tmp_path, "a")
    again(tmp_path / "store", path)
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"toolu_a0", b"toolu_a9"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert again(tmp_path / "store", path).added > 0


def test_a_refused_file_is_tried_again(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [{"a": 1}])
    again(tmp_path / "store", path)

    assert again(tmp_path / "store", path).refused_files == 1


def test_what_the_store_has_lost_is_read_again(tmp_path: Path) -> None:
    path = session(tmp_path, "a")
    again(tmp_path / "store", path)
    for name in ("index.sqlite", "spool"):
        for lost in (tmp_path / "store").glob(f"{name}*"):
            for file in [*lost.rglob("*"), lost] if lost.is_dir() else [lost]:
                if file.is_file():
                    file.unlink()

    assert again(tmp_path / "store", path).added > 0


@pytest.mark.parametrize("content", [b"no database, but long enough for a header", b""])
def test_damaged_notes_cost_a_second_reading(tmp_path: Path, content: bytes) -> None:
    path = session(tmp_path, "a")
    again(tmp_path / "store", path)
    (tmp_path / "store" / "imports.sqlite").write_bytes(content)

    assert again(tmp_path / "store", path).duplicates > 0
