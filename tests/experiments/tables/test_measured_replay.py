"""Claims about replaying measured records, with the bundled sample."""

from pathlib import Path

import numpy as np
import pytest

from tests.shared import ROOT
from tests.small_sample import small_sample
from toolkit.errors import InputDataError, UsageError
from toolkit.experiments.tables import MeasuredReplay
from toolkit.studies.controllers.racing import Race, RaceResult, race

SAMPLE = ROOT / "data/sample"


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> MeasuredReplay:
    folder = tmp_path_factory.mktemp("replay") / "sample"
    small_sample(folder, repeats=4)
    return MeasuredReplay.read(folder, "batches")


@pytest.fixture(scope="module")
def graphs() -> MeasuredReplay:
    tenth = SAMPLE / "workflows.jsonl.gz"
    return MeasuredReplay.read(tenth, "graphs")


def raced(replay: MeasuredReplay) -> RaceResult:
    return race(
        replay.table,
        "time",
        Race(steps=12),
        rng=np.random.default_rng(0),
        replay=replay,
    )


@pytest.mark.slow
def test_every_context_of_the_sample_is_a_problem(
    batches: MeasuredReplay, graphs: MeasuredReplay
) -> None:
    shapes = [each.table.log_costs.shape for each in (batches, graphs)]

    assert shapes == [(48, 10), (40, 7)]


@pytest.mark.slow
def test_the_rule_answers_by_type(batches: MeasuredReplay) -> None:
    table = batches.table
    sizes = 2 ** table.sizes[np.arange(len(table.rule)), table.rule]

    spawning = np.char.startswith(table.groups.astype(str), "tasks-")
    # Optimum 6 for spawning and 12 for todos, times the load's factor (definitions,
    # section 1), and the nearest size that was measured.
    assert (sizes[spawning].max().round(), sizes[~spawning].max().round()) == (8, 12)


@pytest.mark.slow
def test_every_try_was_measured(batches: MeasuredReplay) -> None:
    rng = np.random.default_rng(0)

    latency_s, failures = batches.draw(0, 3, rng)

    latencies, failed = batches.tries[0, 3]
    assert ((latencies == latency_s) & (failed == failures)).any()


@pytest.mark.slow
def test_every_action_of_every_problem_has_a_try(graphs: MeasuredReplay) -> None:
    offered = np.argwhere(graphs.table.offered)

    assert min(len(graphs.tries[int(p), int(a)][0]) for p, a in offered) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aimd", "vegas", "gradient2"])
def test_a_controller_races_beside_rule_and_learner(
    graphs: MeasuredReplay, name: str
) -> None:
    runners = {each.name: each for each in raced(graphs).runners}

    shown = runners[name].against_rule
    assert {"rule", "learned", name} <= set(runners)
    assert shown.low <= shown.estimate <= shown.high


@pytest.mark.slow
def test_the_same_generator_gives_the_same_replay(graphs: MeasuredReplay) -> None:
    assert raced(graphs).to_json() == raced(graphs).to_json()


def test_what_is_not_replayed_is_refused() -> None:
    with pytest.raises(UsageError, match="graphs"):
        MeasuredReplay.read(SAMPLE, "loads")


def test_records_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="no such records"):
        MeasuredReplay.read(tmp_path / "none", "batches")
