from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from toolkit.capture.hooks import HookVerbs
from toolkit.clock import VirtualClock
from toolkit.errors import UsageError
from toolkit.notifier import MemoryNotifier
from toolkit.records import Batch, Provenance, Spool
from toolkit.runtime.planning import read_patterns

START = datetime(2026, 6, 1, tzinfo=UTC)


class World:
    """A store with a clock, a notifier and batches that happen when told."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.clock = VirtualClock(START)
        self.notifier = MemoryNotifier()
        self.count = 0
        self.hooks = HookVerbs(
            store,
            clock=self.clock,
            notifier=self.notifier,
            load=lambda: {"cpu": 0.3, "memory": 0.5},
        )

    def works(
        self, *, cycle_s: float, size: int = 4, failed: int = 0, **more: Any
    ) -> None:
        self.clock.move(cycle_s)
        self.count += 1
        batch = Batch(
            record_id=f"b{self.count}",
            at=self.clock.now() - timedelta(seconds=0.1),
            source="test",
            provenance=Provenance.MEASURED,
            operation_type="fileOperations",
            size=size,
            cycle_s=cycle_s,
            succeeded=size - failed,
            failed=failed,
            cancelled=0,
            **more,
        )
        Spool(self.store / "spool").append(batch.to_json())

    def records(self, kind: str) -> list[dict[str, Any]]:
        rows = [line.row or {} for line in Spool(self.store / "spool").lines()]
        return [row for row in rows if row.get("kind") == kind]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "store")


def test_a_baseline_is_stored_and_compared(world: World) -> None:
    world.works(cycle_s=8)
    task = world.hooks.pre_task(description="d", establish_baseline=True)
    world.works(cycle_s=4)
    done = world.hooks.post_task(task_id=task["task_id"], analyze_performance=True)

    assert task["baseline"]["cost_s"] == 2.0
    assert done["performance"]["against_baseline"]["verdict"] == "better"
    assert done["performance"]["against_baseline"]["cost_change"] == -0.5


def test_without_a_baseline_nothing_is_compared(world: World) -> None:
    world.works(cycle_s=8)
    task = world.hooks.pre_task(description="d")
    world.works(cycle_s=4)
    done = world.hooks.post_task(task_id=task["task_id"], analyze_performance=True)

    assert done["performance"]["against_baseline"]["verdict"] == "no data"


def test_a_baseline_of_nothing_is_no_data(world: World) -> None:
    task = world.hooks.pre_task(description="d", establish_baseline=True)

    assert task["baseline"] is None
    assert "no batches" in task["note"]


def test_monitoring_samples_the_load_at_the_task_and_its_edits(world: World) -> None:
    world.hooks.pre_task(description="d", enable_monitoring=True)
    world.clock.move(1)
    world.hooks.post_edit(file="a.py")

    assert len(world.records("load")) == 2


def test_without_monitoring_no_load_is_sampled(world: World) -> None:
    world.hooks.pre_task(description="d")
    world.hooks.post_edit(file="a.py")

    assert world.records("load") == []


def test_an_edit_becomes_a_coordination_event(world: World, tmp_path: Path) -> None:
    world.hooks.post_edit(file=str(tmp_path / "secret.py"), memory_key="plan")

    (event,) = world.records("coordination")
    assert (event["action"], event["operation"]) == ("write", "Edit")
    assert "secret" not in str(event)
    assert "plan" not in str(event)


def test_the_impact_of_an_edit_is_measured_against_the_baseline(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "a.py"
    world.works(cycle_s=4)
    world.hooks.pre_task(description="d", establish_baseline=True)
    file.write_text("x")
    world.hooks.post_edit(file=str(file))
    file.write_text("xxxxx")
    world.works(cycle_s=8)
    impact = world.hooks.post_edit(file=str(file), analyze_performance=True)["impact"]

    assert impact["bytes_change"] == 4
    assert impact["against_baseline"]["verdict"] == "worse"


def test_an_edit_without_the_flag_measures_nothing(world: World) -> None:
    answer = world.hooks.post_edit(file="a.py")

    assert (answer["impact"], answer["efficiency"]) == (None, None)


def test_efficiency_is_followed_from_edit_to_edit(world: World) -> None:
    world.works(cycle_s=1)
    world.hooks.post_edit(file="a.py", track_efficiency=True)
    world.works(cycle_s=1, failed=4)
    efficiency = world.hooks.post_edit(file="a.py", track_efficiency=True)["efficiency"]

    assert (efficiency["success"], efficiency["change"]) == (0.5, -0.5)


def test_metrics_and_context_are_attached_when_asked_for(world: World) -> None:
    world.works(cycle_s=4)
    world.hooks.notify(message="m", include_metrics=True, performance_context=True)

    metadata = world.notifier.kept[0].metadata
    assert metadata["metrics"]["cost_s"] == 1.0
    assert metadata["context"]["load"] == {"cpu": 0.3, "memory": 0.5}


def test_metadata_alone_is_told_as_it_is(world: World) -> None:
    world.hooks.notify(message="m", level="error", metadata={"a": 1})

    assert world.notifier.kept[0].metadata == {"a": 1}


def test_a_message_is_told_and_not_stored(world: World) -> None:
    world.hooks.notify(message="a planted text")

    files = [path for path in world.store.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"planted" in path.read_bytes()]


def test_an_unknown_level_is_refused_with_the_nearest(world: World) -> None:
    with pytest.raises(UsageError, match="Did you mean `warning`"):
        world.hooks.notify(message="m", level="warn")


def test_patterns_are_saved_by_operation(world: World) -> None:
    task = world.hooks.pre_task(description="d")
    world.works(cycle_s=4)
    world.hooks.post_task(task_id=task["task_id"], save_patterns=True)

    (row,) = [line.row for line in Spool(world.store / "patterns").lines()]
    assert row is not None
    assert (row["operation_type"], row["mean_size"], row["cost_s"]) == (
        "fileOperations",
        4,
        1.0,
    )


def test_the_planner_reads_the_patterns_that_were_saved(world: World) -> None:
    task = world.hooks.pre_task(description="d")
    world.works(cycle_s=4)
    world.hooks.post_task(task_id=task["task_id"], save_patterns=True)

    (pattern,) = read_patterns(world.store)
    assert (pattern.operation_type, pattern.mean_size, pattern.cost_s) == (
        "fileOperations",
        4,
        1.0,
    )


@pytest.mark.parametrize(
    ("size", "failed", "action"),
    [(2, 0, "larger_batch"), (20, 0, "smaller_batch"), (10, 5, "smaller_batch")],
)
def test_recommendations_name_the_figure_that_calls_for_them(
    world: World, size: int, failed: int, action: str
) -> None:
    task = world.hooks.pre_task(description="d")
    world.works(cycle_s=4, size=size, failed=failed)
    done = world.hooks.post_task(task_id=task["task_id"], generate_recommendations=True)

    assert [said["action"] for said in done["recommendations"]] == [action]
    assert done["recommendations"][0]["value"] is not None


def test_serial_batches_are_told_to_split(world: World) -> None:
    task = world.hooks.pre_task(description="d")
    world.works(cycle_s=4, size=10, parallelism=0.1)
    done = world.hooks.post_task(task_id=task["task_id"], generate_recommendations=True)

    actions = [said["action"] for said in done["recommendations"]]
    assert actions == ["split_reads_from_writes"]


def test_a_finished_task_is_a_workflow_record(world: World) -> None:
    task = world.hooks.pre_task(description="d")
    world.works(cycle_s=4, session_id="s", agent_id="a1")
    world.works(cycle_s=4, session_id="s", agent_id="a2")
    world.hooks.post_task(task_id=task["task_id"])

    (workflow,) = world.records("workflow")
    assert (workflow["agents"], workflow["makespan_s"]) == (2, 8.0)


def test_a_task_nobody_began_has_no_duration(world: World) -> None:
    done = world.hooks.post_task(task_id="unheard", analyze_performance=True)

    assert done["duration_s"] is None
    assert "no pre-task" in done["note"]


def test_recommendations_come_from_the_bundle_where_there_is_one(
    tmp_path: Path,
) -> None:
    world = World(tmp_path / "store")
    asked = []

    def size_of(operation_type: str, load: Any) -> float:
        asked.append((operation_type, dict(load)))
        return 4.0

    world.hooks = HookVerbs(
        world.store,
        clock=world.clock,
        notifier=world.notifier,
        load=lambda: {"cpu": 0.3},
        sizes=size_of,
    )
    task = world.hooks.pre_task(description="d")
    world.works(cycle_s=4, size=8)
    done = world.hooks.post_task(task_id=task["task_id"], generate_recommendations=True)

    assert asked == [("fileOperations", {"cpu": 0.3})]
    assert done["recommendations"][0]["action"] == "smaller_batch"
    assert done["recommendations"][0]["threshold"] == 4.0
