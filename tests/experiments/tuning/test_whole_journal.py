import logging
from pathlib import Path

import pytest

from toolkit.experiments.tuning.search import tune
from toolkit.experiments.tuning.whole_journal import keep_whole_lines


def tuned(journal: Path, trials: int) -> int:
    return tune(
        "study",
        suggest=lambda trial: {"x": trial.suggest_float("x", 0, 1)},
        scores=lambda found: iter([found["x"]]),
        trials=trials,
        seed=1,
        journal=journal,
    ).trials


@pytest.mark.parametrize("damage", ["torn end", "half a line within"])
def test_a_study_goes_on_behind_the_whole_lines_of_its_journal(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    journal = tmp_path / "optuna.journal"
    tuned(journal, 3)
    data = journal.read_bytes()
    if damage == "torn end":
        journal.write_bytes(data[:-20])
    else:
        lines = data.split(b"\n")
        lines[len(lines) // 2] = lines[len(lines) // 2][:20]
        journal.write_bytes(b"\n".join(lines))
    with caplog.at_level(logging.WARNING):
        trials = tuned(journal, 3)

    assert trials >= 3
    assert "damaged line" in caplog.text
    assert journal.with_name("optuna.journal.damaged").exists()


def test_a_whole_journal_is_left_alone(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    journal.write_bytes(b'{"a": 1}\n')
    keep_whole_lines(journal)

    assert [path.name for path in tmp_path.iterdir()] == ["j"]
