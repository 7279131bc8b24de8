import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.capture.hooks import HookInstallation
from toolkit.capture.hooks.harness import EVENTS
from toolkit.errors import InputDataError, UsageError

OTHERS = b"""{
    "permissions": {"allow": ["Bash(ls:*)"]},
    "hooks": {
        "PostToolUse": [
            {"matcher": "Edit|Write",
             "hooks": [{"type": "command", "command": "prettier --write"}]}
        ],
        "Stop": []
    }
}"""


@pytest.fixture
def hooks(tmp_path: Path) -> HookInstallation:
    return HookInstallation(tmp_path / ".claude" / "settings.json")


def written(hooks: HookInstallation) -> Any:
    return json.loads(hooks.settings.read_bytes())


def with_others(hooks: HookInstallation, data: bytes = OTHERS) -> HookInstallation:
    hooks.settings.parent.mkdir(exist_ok=True)
    hooks.settings.write_bytes(data)
    return hooks


def test_every_event_gets_our_entry(hooks: HookInstallation, tmp_path: Path) -> None:
    hooks.install(store=tmp_path)

    assert list(written(hooks)["hooks"]) == list(EVENTS)


def test_other_peoples_hooks_are_untouched(hooks: HookInstallation) -> None:
    with_others(hooks).install(store=None)

    theirs = json.loads(OTHERS)
    ours = written(hooks)
    assert ours["permissions"] == theirs["permissions"]
    assert ours["hooks"]["PostToolUse"][:1] == theirs["hooks"]["PostToolUse"]


def test_installing_twice_changes_nothing(hooks: HookInstallation) -> None:
    with_others(hooks).install(store=None)
    once = hooks.settings.read_bytes()

    assert hooks.install(store=None) is False
    assert hooks.settings.read_bytes() == once


def test_another_mode_takes_the_place_of_the_first(hooks: HookInstallation) -> None:
    hooks.install(store=None)
    hooks.install(store=None, advice="shadow", bundle=Path("b"))

    assert hooks.status().advice == "shadow"
    assert all(len(groups) == 1 for groups in written(hooks)["hooks"].values())


@pytest.mark.parametrize("data", [OTHERS, b"{}", b'{"hooks": {}}\n\n', b"", b"\n"])
def test_uninstalling_restores_every_byte(hooks: HookInstallation, data: bytes) -> None:
    with_others(hooks, data).install(store=None)
    hooks.install(store=None, advice="shadow", bundle=Path("b"))
    hooks.uninstall()

    assert hooks.settings.read_bytes() == data
    assert [path.name for path in hooks.settings.parent.iterdir()] == ["settings.json"]


def test_uninstalling_removes_what_installing_made(hooks: HookInstallation) -> None:
    hooks.install(store=None)
    hooks.uninstall()

    assert not hooks.settings.parent.exists()


def test_what_others_changed_meanwhile_is_kept(hooks: HookInstallation) -> None:
    with_others(hooks).install(store=None)
    edited = {**written(hooks), "model": "opus"}
    hooks.settings.write_text(json.dumps(edited))
    hooks.uninstall()

    assert written(hooks) == {**json.loads(OTHERS), "model": "opus"}


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'{"hooks": []}', b'{"hooks": {"Stop": {}}}', b"\xff", b"[" * 10**5],
)
def test_settings_of_another_shape_are_refused_unchanged(
    hooks: HookInstallation, data: bytes
) -> None:
    with_others(hooks, data)

    with pytest.raises(InputDataError, match="nothing was changed"):
        hooks.install(store=None)
    assert hooks.settings.read_bytes() == data


def test_exploring_is_off_unless_a_share_is_given(
    hooks: HookInstallation, tmp_path: Path
) -> None:
    hooks.install(store=tmp_path, advice="on", bundle=tmp_path)
    assert hooks.status().explore == 0
    hooks.install(store=tmp_path, advice="on", bundle=tmp_path, explore=0.2)

    assert hooks.status().explore == 0.2


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(
    hooks: HookInstallation, share: float
) -> None:
    with pytest.raises(UsageError, match="explore"):
        hooks.install(store=None, explore=share)


def test_an_unknown_mode_is_refused(hooks: HookInstallation) -> None:
    with pytest.raises(UsageError, match="Did you mean `shadow`"):
        hooks.install(store=None, advice="shadw")


def test_settings_behind_a_link_are_written_where_they_are(
    hooks: HookInstallation, tmp_path: Path
) -> None:
    target = tmp_path / "dotfiles.json"
    target.write_bytes(OTHERS)
    hooks.settings.parent.mkdir()
    hooks.settings.symlink_to(target)
    hooks.install(store=None)

    assert hooks.settings.is_symlink()
    assert b"hook_handler" in target.read_bytes()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
GROUPS = st.lists(
    st.fixed_dictionaries(
        {"hooks": st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=2))}
    ),
    max_size=2,
)


@settings(deadline=None)  # a busy machine fails nothing
@given(
    settings=st.dictionaries(st.text(max_size=8), JSON, max_size=3).map(
        lambda d: {k: v for k, v in d.items() if k != "hooks"}
    ),
    groups=st.dictionaries(st.sampled_from(EVENTS), GROUPS, max_size=3),
)
def test_taking_out_what_was_merged_in_leaves_what_was_there(
    tmp_path_factory: pytest.TempPathFactory, settings: Any, groups: Any
) -> None:
    hooks = HookInstallation(tmp_path_factory.mktemp("h") / "settings.json")
    before = json.dumps({**settings, "hooks": groups})
    hooks.settings.write_text(before)
    hooks.install(store=None)
    hooks.settings.write_text(json.dumps({**written(hooks), "edited since": 1}))
    hooks.uninstall()

    assert written(hooks) == {**json.loads(before), "edited since": 1}
