"""Notifications as argument lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.notifier import (
    Level,
    MemoryNotifier,
    Notification,
    Notifier,
    SilentNotifier,
    Tee,
)


@given(
    st.text(min_size=1, max_size=500),
    st.sampled_from(Level),
    st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
)
def test_arguments_read_back(
    message: str, level: Level, metadata: dict[str, object]
) -> None:
    told = Notification(message=message, level=level, metadata=metadata)

    assert Notification.from_arguments(told.arguments()) == told


def test_a_shell_would_find_nothing_to_expand() -> None:
    told = Notification(message="$(rm -rf /); `id`")

    assert told.arguments()[2] == "$(rm -rf /); `id`"


def test_an_unknown_level_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="`warning`"):
        Notification(message="x", level="warn")  # type: ignore[arg-type]  # what a caller might try


@pytest.mark.parametrize("message", ["", "x" * 501])
def test_a_message_is_one_line(message: str) -> None:
    with pytest.raises(UsageError, match="1 to 500"):
        Notification(message=message)


@pytest.mark.parametrize("words", [[], ["pre-task"], ["notify", "--level", "info"]])
def test_what_is_no_notification_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError, match="notify"):
        Notification.from_arguments(words)


@pytest.mark.parametrize("notifier", [SilentNotifier(), MemoryNotifier(), Tee()])
def test_each_is_a_notifier(notifier: Notifier) -> None:
    notifier.notify(Notification(message="told"))

    assert isinstance(notifier, Notifier)
