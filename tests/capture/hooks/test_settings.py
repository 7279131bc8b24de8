import json
from pathlib import Path

import pytest

from toolkit.capture.hooks.settings import SettingsFile, dump, hooks_of
from toolkit.errors import InputDataError


@pytest.fixture
def settings(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / ".claude" / "settings.json")


def test_a_file_that_is_not_there_holds_nothing(settings: SettingsFile) -> None:
    assert settings.read() is None
    assert settings.parse(None) == settings.parse(b" \n") == {}


def test_a_file_where_the_folder_should_be_is_named(settings: SettingsFile) -> None:
    settings.path.parent.write_text("")

    with pytest.raises(InputDataError, match="a file is where the folder") as caught:
        settings.read()
    assert caught.value.file == settings.path.parent


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"[]", "not a JSON object"),
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": 1, "a": 2}', "`a` stands twice"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"hooks": []}', "`hooks` is not an object"),
        (b'{"hooks": {"Stop": {}}}', "`hooks.Stop` is not a list"),
        (b'{"hooks": {"Stop": [1]}}', "`hooks.Stop` must hold objects"),
        (b'{"hooks": {"Stop": [{"hooks": 1}]}}', "a group of `hooks.Stop`"),
    ],
)
def test_what_could_not_be_written_back_as_it_was_is_refused(
    settings: SettingsFile, data: bytes, problem: str
) -> None:
    with pytest.raises(InputDataError, match=problem) as caught:
        settings.parse(data)
    assert caught.value.file == settings.path


def test_a_mark_of_byte_order_is_read_over(settings: SettingsFile) -> None:
    assert settings.parse(b'\xef\xbb\xbf{"hooks": {}}') == {"hooks": {}}


@pytest.mark.parametrize(
    "like",
    [
        b'{\n    "a": 1\n}\n',
        b'{\n\t"a": 1\n}\n',
        b'{\r\n  "a": 1\r\n}\r\n',
    ],
)
def test_indent_and_line_ends_stay_as_they_were(like: bytes) -> None:
    assert dump({"a": 1}, like) == like


def test_a_new_file_is_indented_by_two_and_keeps_letters_as_they_are() -> None:
    assert dump({"ä": "\ud800"}, None) == b'{\n  "\xc3\xa4": "\xed\xa0\x80"\n}\n'


def test_writing_keeps_the_link_and_the_mode(
    settings: SettingsFile, tmp_path: Path
) -> None:
    target = tmp_path / "dotfiles" / "settings.json"
    target.parent.mkdir()
    target.write_text("{}")
    target.chmod(0o600)
    settings.path.parent.mkdir()
    settings.path.symlink_to(target)

    settings.write(b'{"a": 1}')

    assert settings.path.is_symlink()
    assert json.loads(target.read_bytes()) == {"a": 1}
    assert target.stat().st_mode & 0o777 == 0o600
    settings.remove()
    assert settings.path.is_symlink()
    assert not target.exists()


def test_settings_without_hooks_have_none() -> None:
    assert hooks_of({}) == hooks_of({"hooks": None}) == {}
