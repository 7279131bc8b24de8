import os
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.claude_code.test_source import refused
from tests.history.importers.claude_code.transcripts import (
    Session,
    import_paths,
    write,
)
from toolkit.history import RecordStore


def session(folder: Path, name: str) -> Path:
    lines = Session(name).call(1, name).result(2, name).lines
    return write(folder / f"{name}.jsonl", lines)


def test_a_pipe_and_a_device_are_not_opened(tmp_path: Path) -> None:
    session(tmp_path, "good")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, tmp_path)

        assert report.batches == 1
        assert {reason for _, reason in refused(store)} == {"not a regular file"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_stops_nothing(tmp_path: Path) -> None:
    session(tmp_path / "open", "good")
    session(tmp_path / "locked", "hidden")
    (tmp_path / "locked").chmod(0)
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, tmp_path)
        reasons = [reason for _, reason in refused(store)]
    (tmp_path / "locked").chmod(0o700)

    assert report.batches == 1
    assert reasons == ["a folder that may not be read"]


def test_a_folder_that_cannot_be_listed_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session(tmp_path / "open", "good")
    (tmp_path / "locked").mkdir()
    real = os.scandir

    def scandir(path: Any) -> object:
        if isinstance(path, Path) and path.name == "locked":
            raise PermissionError
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, tmp_path)

        assert report.batches == 1
        assert [r for _, r in refused(store)] == ["a folder that may not be read"]
