"""Opening a store on object storage: what is missing is named before anything is asked."""

import sys
from pathlib import Path

import pytest

from toolkit.cli import run
from toolkit.errors import MissingExtraError, UsageError
from toolkit.history import History, ObjectAddress, open_objects, read_store

ADDRESS = ObjectAddress("team-bucket", "swarm")


@pytest.fixture
def no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)


@pytest.mark.usefixtures("no_extra")
def test_without_the_extra_it_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["records", "show", "--store", str(ADDRESS)]) == 2
    assert "workflow-toolkit[s3]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MissingExtraError):
        read_store(ADDRESS)


def test_without_credentials_none_is_asked_for_them() -> None:
    pytest.importorskip("obstore", reason="the extra `s3` is not installed")

    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        open_objects(ADDRESS, {"AWS_PROFILE": "work"})


def test_a_history_knows_its_address_and_has_no_folder() -> None:
    history = History(str(ADDRESS))

    assert history.place == ADDRESS
    with pytest.raises(UsageError, match="only read"):
        _ = history.folder


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3://b",
        "s3://UPPER/x",
        "s3://bucket/../x",
        "s3://bucket/a b",
        "gs://b/x",
    ],
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="s3://BUCKET/PREFIX"):
        ObjectAddress.parse(text)


def test_models_of_a_store_that_is_only_read_need_a_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    code = run(["model", "rollback", "--store", str(ADDRESS)])

    assert code == 2
    assert "--models DIR" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
