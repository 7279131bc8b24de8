import os
from pathlib import Path

import pytest

from toolkit.records import Inbox, ensure_inbox


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    ensure_inbox(tmp_path)
    return Inbox(tmp_path)


def test_what_members_append_is_handed_over_once(inbox: Inbox) -> None:
    inbox.append([b'{"a":1}\n'])
    inbox.append([b'{"a":2}\n'])
    kept: list[bytes] = []

    assert inbox.take_in(kept.extend) == 2
    assert inbox.take_in(kept.extend) == 0
    assert kept == [b'{"a":1}\n', b'{"a":2}\n']


def test_what_cannot_be_kept_stays(inbox: Inbox) -> None:
    inbox.append([b'{"a":1}\n'])

    def full(_: list[bytes]) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        inbox.take_in(full)
    assert inbox.take_in(lambda _: None) == 1


def test_a_torn_line_is_no_line(inbox: Inbox) -> None:
    inbox.append([b'{"a":1}\n'])
    with (inbox.directory / f"{os.geteuid()}.jsonl").open("ab") as stream:
        stream.write(b'{"a":')
    kept: list[bytes] = []

    assert inbox.take_in(kept.extend) == 1
    assert kept == [b'{"a":1}\n']


def test_a_link_or_a_pipe_in_the_inbox_is_not_read(
    inbox: Inbox, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("{}\n")
    (inbox.directory / "1.jsonl").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic"):
        inbox.take_in(lambda _: None)
    (inbox.directory / "1.jsonl").unlink()
    os.mkfifo(inbox.directory / "2.jsonl")
    with pytest.raises(OSError, match="regular"):
        inbox.take_in(lambda _: None)
