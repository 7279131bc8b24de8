"""What becomes of trials whose workers are gone, silent, or late."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from toolkit.experiments.tuning.lease import this_machine
from toolkit.experiments.tuning.search import quiet_optuna, tune
from toolkit.experiments.tuning.shared_study import MOST_RETRIES, SharedStudy
from toolkit.experiments.tuning.studies_storage import open_studies

ELSEWHERE = "elsewhere:1:0.00:0"
PATIENCE_S = 0.4


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with quiet_optuna():
        yield


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[BaseStorage]:
    with open_studies(tmp_path / "j") as opened:
        yield opened


@pytest.fixture
def study(storage: BaseStorage) -> SharedStudy:
    made = SharedStudy("s", storage, budget=6, seed=1, patience_s=PATIENCE_S)
    made.make()
    return made


def suggest(trial: optuna.Trial) -> object:
    return trial.suggest_float("x", 0, 1)


def scores(parameters: dict[str, Any]) -> Iterator[float]:
    yield parameters["x"]


def left_running(storage: BaseStorage, worker: str | None) -> int:
    """Leave a running trial behind, as a worker does that ends; return its number."""
    held = optuna.load_study(study_name="s", storage=storage)
    trial = held.ask()
    trial.suggest_float("x", 0, 1)
    if worker is not None:
        trial.set_user_attr("worker", worker)
    return int(trial.number)


def trials(storage: BaseStorage) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="s", storage=storage).trials


@pytest.mark.parametrize(
    "worker",
    [f"{this_machine()}:999999999:0.00:0", ELSEWHERE, None],
    ids=["gone", "silent elsewhere", "never signed"],
)
def test_a_draw_whose_worker_is_gone_is_tried_again_in_its_place(
    study: SharedStudy, storage: BaseStorage, worker: str | None
) -> None:
    number = left_running(storage, worker)
    study.finish(suggest, scores)
    found = trials(storage)
    (again,) = [t for t in found if t.user_attrs.get("retry_of") == [number]]

    assert found[number].state is TrialState.FAIL
    assert again.params == found[number].params
    assert study.count().finished == 6
    assert study.count().failed == 1


def test_a_worker_elsewhere_that_is_heard_of_keeps_its_trial(
    study: SharedStudy, storage: BaseStorage
) -> None:
    study = SharedStudy("s", storage, budget=6, seed=1, patience_s=4)
    number = left_running(storage, ELSEWHERE)
    trial = optuna.Trial(optuna.load_study(study_name="s", storage=storage), number)
    waiting = Thread(target=study.finish, args=(suggest, scores))
    waiting.start()
    for beat in range(12):
        trial.set_user_attr("beat", beat)
        waiting.join(0.4)
    assert waiting.is_alive()
    storage.set_trial_state_values(number, TrialState.COMPLETE, [0.1])
    waiting.join()

    assert study.count().failed == 0
    assert study.count().finished == 6


def test_a_result_that_comes_after_the_trial_was_taken_away_does_not_count(
    study: SharedStudy, storage: BaseStorage
) -> None:
    taken: list[int] = []

    def late(parameters: dict[str, Any]) -> Iterator[float]:
        if not taken:
            (running,) = [t for t in trials(storage) if t.state is TrialState.RUNNING]
            storage.set_trial_state_values(running._trial_id, TrialState.FAIL)
            taken.append(running.number)
        yield parameters["x"]

    study.finish(suggest, late)

    assert trials(storage)[taken[0]].state is TrialState.FAIL
    assert (study.count().finished, study.count().failed) == (6, 1)


def test_a_draw_that_ends_every_worker_is_given_up(
    study: SharedStudy, storage: BaseStorage
) -> None:
    gone = f"{this_machine()}:999999999:0.00:0"
    left_running(storage, gone)
    for _ in range(MOST_RETRIES):
        row = study._row()
        study._take_away(row[-1])
        (waiting,) = [t for t in trials(storage) if t.state is TrialState.WAITING]
        storage.set_trial_user_attr(waiting._trial_id, "worker", gone)
        storage.set_trial_state_values(waiting._trial_id, TrialState.RUNNING)
    study.finish(suggest, scores)
    found = trials(storage)

    assert [len(t.user_attrs.get("retry_of", [])) for t in found][:5] == [0, 1, 2, 3, 0]
    assert (study.count().finished, study.count().failed) == (6, 4)


def test_a_trial_that_waits_for_its_maker_is_left_to_him_while_he_lives(
    study: SharedStudy, storage: BaseStorage
) -> None:
    held = optuna.load_study(study_name="s", storage=storage)
    held.enqueue_trial({}, user_attrs={"worker": ELSEWHERE})
    patient = SharedStudy("s", storage, budget=6, seed=1, patience_s=600)
    left = patient.work(suggest, scores)
    before = [t.state.name for t in trials(storage)]
    study.finish(suggest, scores)

    assert not left
    assert before == ["WAITING", *before[1:]]
    assert len(before) == 6
    assert (study.count().finished, study.count().failed) == (6, 0)


def test_an_error_of_a_score_leaves_no_trial_running(
    study: SharedStudy, storage: BaseStorage
) -> None:
    def broken(_: dict[str, Any]) -> Iterator[float]:
        raise ZeroDivisionError
        yield 0.0

    with pytest.raises(ZeroDivisionError):
        study.finish(suggest, broken)
    study.finish(suggest, scores)

    assert (study.count().finished, study.count().failed) == (6, 1)


def test_a_study_in_two_parts_draws_what_one_in_one_part_draws(tmp_path: Path) -> None:
    def found(name: str, *parts: int) -> list[dict[str, Any]]:
        for trials in parts:
            tune(
                name,
                suggest=suggest,
                scores=scores,
                trials=trials,
                seed=4,
                studies=tmp_path / "j",
            )
        with open_studies(tmp_path / "j") as storage:
            held = optuna.load_study(study_name=name, storage=storage)
            return [trial.params for trial in held.trials]

    assert found("one", 12) == found("two", 5, 12)


def test_a_larger_budget_goes_on_with_what_waits_behind_the_row(
    study: SharedStudy, storage: BaseStorage
) -> None:
    held = optuna.load_study(study_name="s", storage=storage)
    for _ in range(8):
        held.enqueue_trial({})
    study.finish(suggest, scores)
    before = [t.state.name for t in trials(storage)].count("WAITING")
    larger = SharedStudy("s", storage, budget=8, seed=1)
    larger.make()
    larger.finish(suggest, scores)

    assert before == 2
    assert {t.state.name for t in trials(storage)} <= {"COMPLETE", "PRUNED"}
    assert larger.count().finished == 8
