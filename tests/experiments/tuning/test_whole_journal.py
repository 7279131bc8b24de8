import logging
import os
import signal
from pathlib import Path

import pytest

from toolkit.experiments.tuning.search import tune
from toolkit.experiments.tuning.whole_journal import keep_whole_lines, open_journal


def tuned(journal: Path, trials: int) -> int:
    return tune(
        "study",
        suggest=lambda trial: {"x": trial.suggest_float("x", 0, 1)},
        scores=lambda found: iter([found["x"]]),
        trials=trials,
        seed=1,
        studies=journal,
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

    assert journal.read_bytes() == b'{"a": 1}\n'
    assert not list(tmp_path.glob("*.damaged"))


@pytest.mark.slow
def test_a_run_that_was_killed_while_it_appended_holds_up_none(tmp_path: Path) -> None:
    journal = tmp_path / "optuna.journal"
    tuned(journal, 1)
    child = os.fork()
    if child == 0:
        vars(os)["fsync"] = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # locked
        open_journal(journal)._backend.append_logs(
            [{"op_code": 6, "worker_id": "w", "trial_id": 0, "state": 1, "values": [0]}]
        )
        os._exit(0)
    _, status = os.waitpid(child, 0)
    (tmp_path / "optuna.journal.lock").symlink_to(journal)  # what Optuna's own leaves

    assert os.WTERMSIG(status) == signal.SIGKILL
    assert tuned(journal, 2) == 2


def test_a_relative_journal_leaves_no_link_and_goes_on_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    tuned(Path("work/j"), 1)
    monkeypatch.chdir(tmp_path / "work")

    assert tuned(Path("j"), 2) == 2
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def test_an_append_cuts_off_what_a_killed_one_left(tmp_path: Path) -> None:
    journal = tmp_path / "optuna.journal"
    tuned(journal, 1)
    with journal.open("ab") as stream:
        stream.write(b'{"op_code": 4, "tri')
    storage = open_journal(journal)
    storage.create_new_study([], "other")

    assert {study.study_name for study in storage.get_all_studies()} == {
        "study",
        "other",
    }
