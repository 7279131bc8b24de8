"""Claims about studies that are kept in a journal."""

from pathlib import Path
from typing import Any

from toolkit.experiments.tuning.search import Tuned, trials_of, tune


def tuned(journal: Path, trials: int, tried: list[float], name: str = "study") -> Tuned:
    def scores(found: dict[str, Any]) -> Any:
        tried.append(found["x"])
        yield (found["x"] - 0.3) ** 2

    return tune(
        name,
        suggest=lambda trial: {"x": trial.suggest_float("x", 0, 1)},
        scores=scores,
        trials=trials,
        seed=1,
        studies=journal,
    )


def test_a_finished_study_is_not_tuned_again(tmp_path: Path) -> None:
    tried: list[float] = []
    first = tuned(tmp_path / "j", 5, tried)
    again = tuned(tmp_path / "j", 5, tried)

    assert len(tried) == 5
    assert again == first


def test_more_trials_go_on_from_those_that_are_kept(tmp_path: Path) -> None:
    tried: list[float] = []
    first = tuned(tmp_path / "j", 5, tried)
    more = tuned(tmp_path / "j", 8, tried)

    assert (len(tried), more.trials) == (8, 8)
    assert more.score <= first.score


def test_the_journal_holds_every_trial_once(tmp_path: Path) -> None:
    tried: list[float] = []
    tuned(tmp_path / "j", 5, tried)
    tuned(tmp_path / "j", 8, tried)
    kept = trials_of(tmp_path / "j")

    assert kept["trial"] == list(range(8))
    assert set(kept["state"]) <= {"complete", "pruned"}


def test_trials_of_other_data_are_left_out(tmp_path: Path) -> None:
    tuned(tmp_path / "j", 3, [], name="old/rule")
    tuned(tmp_path / "j", 4, [], name="new/rule")

    assert trials_of(tmp_path / "j", "new/")["study"] == ["new/rule"] * 4
