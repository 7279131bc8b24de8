"""Claims about who serves."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.experiments.promotion.test_retraining import SPEC, START, table_of
from toolkit.experiments.promotion import Releases
from toolkit.experiments.promotion import champion_challenger as contest
from toolkit.experiments.promotion.champion_challenger import Contest
from toolkit.experiments.promotion.gate import Promotion
from toolkit.experiments.promotion.releases import ReleaseState
from toolkit.policies.rules import ConstantPolicy


def judged(
    folder: Path, patch: pytest.MonkeyPatch, served: tuple[str, int] | None
) -> Promotion | None:
    """Ask for the rule's place, where the champion says the best size, 20."""
    patch.setattr(contest, "kept_policy", lambda *_: ConstantPolicy(20.0))
    table = table_of([20.0, 20.0])
    table = replace(table, served=(served,) * len(table.problems))
    state = ReleaseState(champion="v1", window_end=START.isoformat())
    return Contest(SPEC, Releases(folder), state, table).of_rule()


@pytest.mark.parametrize(
    ("served", "replaced"),
    [
        (None, False),  # nothing was logged: what the champion says counts
        (("v1", 0), True),  # the hooks served 1, whatever the model would say
        (("v0", 0), False),  # that was another policy
    ],
)
def test_what_was_served_is_what_is_judged(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    served: tuple[str, int] | None,
    replaced: bool,
) -> None:
    answer = judged(tmp_path, monkeypatch, served)

    assert answer is not None
    assert answer.promoted == replaced


def test_where_the_rule_serves_it_has_nothing_to_replace(tmp_path: Path) -> None:
    state = ReleaseState(seen_end=START.isoformat())

    found = Contest(SPEC, Releases(tmp_path), state, table_of([20.0, 20.0])).of_rule()
    assert found is None
