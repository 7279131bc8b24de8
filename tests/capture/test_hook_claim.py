from pathlib import Path

import pytest

from toolkit.capture.hook_claim import claim, forget

S = 1_000_000_000


def test_a_batch_is_decided_once(tmp_path: Path) -> None:
    decided = [claim(tmp_path, "s", "main", "toolu_1", at) for at in (5, 5, 6, S)]

    assert decided == [True, False, False, False]


@pytest.mark.parametrize(
    ("session", "agent", "batch"),
    [("s2", "main", "toolu_1"), ("s", "a1", "toolu_1"), ("s", "main", "toolu_2")],
)
def test_another_batch_is_decided_on_its_own(
    tmp_path: Path, session: str, agent: str, batch: str
) -> None:
    claim(tmp_path, "s", "main", "toolu_1", 5)

    assert claim(tmp_path, session, agent, batch, 5)


def test_an_id_that_a_model_counts_is_soon_another_batch(tmp_path: Path) -> None:
    decided = [claim(tmp_path, "s", "main", "Read:0", at) for at in (0, S, 5 * S)]

    assert decided == [True, False, True]


def test_what_was_noted_leaves_with_its_session(tmp_path: Path) -> None:
    claim(tmp_path, "s", "main", "toolu_1", 5)
    forget(tmp_path, "s")

    assert list(tmp_path.iterdir()) == []
