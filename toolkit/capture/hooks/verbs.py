"""The four hook verbs of the specification's section 5, as a library.

Each flag does what its name says, works without any other program, and writes down what
it found: tasks and edits beside the store's records, the events among them. Texts
(descriptions, messages, paths) go to the notifier or counted, never stored.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit.capture.hooks.advising import SizeOf, recommendations
from toolkit.capture.hooks.performance import Performance, compared, measured
from toolkit.clock import Clock
from toolkit.errors import InputDataError, UsageError
from toolkit.notifier import Level, Notification, Notifier
from toolkit.records import (
    KINDS,
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Provenance,
    Record,
    Spool,
    Workflow,
    keyed_hash,
    record_id,
    store_key,
)

__all__ = ["HookVerbs"]

SOURCE = "toolkit-hooks"
BASELINE_BATCHES = 200
"""Latest batches that a baseline is made of."""

EFFICIENCY_BATCHES = 10
"""Latest batches that a running efficiency looks at (the specification's last 10)."""

NO_BATCHES = "no batches are recorded yet: import transcripts or install the hooks"


class HookVerbs:
    """The verbs over one store.

    Parameters
    ----------
    store : path
        Record store; tasks are kept in its `tasks` folder, patterns in `patterns`.
    clock : Clock
    notifier : Notifier
        Gets what `notify` says.
    load : callable, optional
        Gives utilisations by name (`cpu`, `memory`), 0 to 1; what it cannot measure it
        leaves out.
    history : callable, optional
        Gives the store's batches; those still in its spool unless given.
    sizes : callable, optional
        Decides the batch sizes that `post_task` recommends, from a bundle; the
        specification's rule unless given.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC, datetime
    >>> from toolkit.clock import VirtualClock
    >>> from toolkit.notifier import MemoryNotifier
    >>> clock = VirtualClock(datetime(2026, 1, 5, tzinfo=UTC))
    >>> hooks = HookVerbs(
    ...     Path(tempfile.mkdtemp()), clock=clock, notifier=MemoryNotifier()
    ... )
    >>> task = hooks.pre_task(description="mend it", establish_baseline=True)
    >>> task["baseline"], clock.move(60)
    (None, None)
    >>> hooks.post_task(task_id=task["task_id"])["duration_s"]
    60.0
    """

    def __init__(
        self,
        store: Path,
        *,
        clock: Clock,
        notifier: Notifier,
        load: Callable[[], Mapping[str, float]] = dict,
        history: Callable[[], Iterable[Record]] | None = None,
        sizes: SizeOf | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._notifier = notifier
        self._load = load
        self._history = history or self._spooled
        self._sizes = sizes
        self._tasks = Spool(store / "tasks")
        self._patterns = Spool(store / "patterns")
        self._records = Spool(store / "spool")

    def pre_task(
        self,
        *,
        description: str,
        task_id: str | None = None,
        enable_monitoring: bool = False,
        establish_baseline: bool = False,
    ) -> dict[str, Any]:
        """Begin a task.

        Parameters
        ----------
        description : str
            For people; only a keyed hash of it is kept.
        task_id : str, optional
            Drawn from the description and the time unless given.
        enable_monitoring : bool
            Measure the load now, and at every `post_edit` until the task's end.
        establish_baseline : bool
            Store how the latest batches went, to compare the task with.

        Returns
        -------
        dict
            `task_id`, `monitoring`, `load`, `baseline` (`None` where there is no data)
            and `note`.
        """
        at = self._clock.now()
        task_id = task_id or record_id("task", description, at.isoformat())
        baseline = self._baseline() if establish_baseline else None
        answer: dict[str, Any] = {
            "verb": "pre-task",
            "task_id": task_id,
            "monitoring": enable_monitoring,
            "load": self._sampled(at) if enable_monitoring else None,
            "baseline": None if baseline is None else baseline.to_json(),
            "note": NO_BATCHES if establish_baseline and baseline is None else None,
        }
        self._note(at, answer, description=self._hidden(description))
        return answer

    def post_edit(
        self,
        *,
        file: str,
        memory_key: str | None = None,
        agent_id: str = "main",
        analyze_performance: bool = False,
        track_efficiency: bool = False,
    ) -> dict[str, Any]:
        """Tell of an edit; it becomes a coordination event of the store.

        Parameters
        ----------
        file : str
            What was edited; its size is looked at, its name kept as a keyed hash.
        memory_key : str, optional
            The shared key that the edit is about; the file unless given.
        agent_id : str
            Who edited; `main` is the session's own thread.
        analyze_performance : bool
            Measure the impact: how the batches since the edit before compare with the
            task's baseline, and how the file grew.
        track_efficiency : bool
            Follow the share of operations that succeed over the last 10 batches.

        Returns
        -------
        dict
            What was recorded, in JSON types; impact and efficiency where asked for.
        """
        at = self._clock.now()
        task = self._latest("pre-task")
        name = self._hidden(file)
        before = self._latest("post-edit", file=name)
        size = _size_bytes(Path(file))
        monitored = task is not None and bool(task.get("monitoring"))
        answer: dict[str, Any] = {
            "verb": "post-edit",
            "task_id": None if task is None else task["task_id"],
            "bytes": size,
            "load": self._sampled(at) if monitored else None,
            "impact": self._impact(task, before, size) if analyze_performance else None,
            "efficiency": self._efficiency() if track_efficiency else None,
        }
        self._records.append(
            CoordinationEvent(
                record_id=record_id("post-edit", name, at.isoformat()),
                at=at,
                source=SOURCE,
                provenance=Provenance.DECLARED,
                agent_id=agent_id,
                operation="Edit",
                action="write",
                memory_key=self._hidden(memory_key) if memory_key else name,
                outcome=Outcome.SUCCEEDED,
                has_post_event=True,
            ).to_json()
        )
        self._note(at, answer, file=name)
        return answer

    def notify(
        self,
        *,
        message: str,
        level: str = "info",
        metadata: Mapping[str, Any] | None = None,
        include_metrics: bool = False,
        performance_context: bool = False,
    ) -> dict[str, Any]:
        """Notify a person.

        Parameters
        ----------
        message : str
            1 to 500 characters.
        level : str
            info, success, warning or error.
        metadata : mapping, optional
            JSON values.
        include_metrics : bool
            Attach how the latest batches went.
        performance_context : bool
            Attach the load, the task at work and how it compares with its baseline.

        Returns
        -------
        dict
            The notification as it went out, in JSON types.

        Raises
        ------
        UsageError
            An unknown level; a message that is empty or too long.
        """
        if level not in tuple(Level):
            raise UsageError.unknown("level", level, [*Level])
        at = self._clock.now()
        told = dict(metadata or {})
        if include_metrics:
            latest = self._baseline()
            told["metrics"] = None if latest is None else latest.to_json()
        if performance_context:
            told["context"] = self._context()
        notification = Notification(message=message, level=Level(level), metadata=told)
        self._notifier.notify(notification)
        self._note(at, {"verb": "notify", "level": level}, message=len(message))
        return {
            "verb": "notify",
            "message": message,
            "level": notification.level.value,
            "metadata": told,
        }

    def post_task(
        self,
        *,
        task_id: str,
        analyze_performance: bool = False,
        save_patterns: bool = False,
        generate_recommendations: bool = False,
    ) -> dict[str, Any]:
        """End a task; where its beginning is known it becomes a workflow record.

        Parameters
        ----------
        task_id : str
            As `pre_task` gave it.
        analyze_performance : bool
            Measure the task's batches and compare them with its baseline.
        save_patterns : bool
            Keep what sizes were used for which operations, and how that went.
        generate_recommendations : bool
            Say what to do differently, each with the figure that calls for it.

        Returns
        -------
        dict
            What is known of the task, in JSON types; analysis and advice where asked
            for.
        """
        at = self._clock.now()
        task = self._latest("pre-task", task_id=task_id)
        began = None if task is None else datetime.fromisoformat(task["at"])
        batches = [] if began is None else self._batches(since=began)
        work = measured(batches)
        answer: dict[str, Any] = {
            "verb": "post-task",
            "task_id": task_id,
            "duration_s": None if began is None else (at - began).total_seconds(),
            "note": "no pre-task with this id: its time and baseline are not known"
            if began is None
            else None,
            "performance": None,
            "patterns": None,
            "recommendations": None,
        }
        if analyze_performance:
            answer["performance"] = {
                **work.to_json(),
                "against_baseline": compared(work, _baseline_of(task)),
            }
        if save_patterns:
            answer["patterns"] = self._save_patterns(at, task_id, work)
        if generate_recommendations:
            answer["recommendations"] = recommendations(work, self._load(), self._sizes)
        if began is not None:
            self._records.append(_workflow(task_id, began, at, batches).to_json())
        self._note(at, answer)
        return answer

    def _note(self, at: datetime, answer: Mapping[str, Any], **more: Any) -> None:
        self._tasks.append({"at": at.isoformat(), **answer, **more})

    def _latest(self, verb: str, **wanted: str) -> dict[str, Any] | None:
        found = None
        for line in self._tasks.lines():
            row = line.row or {}
            if row.get("verb") == verb and all(
                row.get(name) == value for name, value in wanted.items()
            ):
                found = row
        return found

    def _hidden(self, text: str) -> str:
        return keyed_hash(store_key(self._store), text)

    def _spooled(self) -> Iterable[Record]:
        for line in self._records.lines():
            row = line.row or {}
            if row.get("kind") != "batch":
                continue
            try:
                yield KINDS["batch"].from_json(row)
            except InputDataError:
                continue  # compaction rejects it as well

    def _batches(self, *, since: datetime | None = None) -> list[Batch]:
        found = {
            record.record_id: record
            for record in self._history()
            if isinstance(record, Batch) and (since is None or record.at >= since)
        }
        return sorted(found.values(), key=lambda batch: (batch.at, batch.record_id))

    def _baseline(self) -> Performance | None:
        batches = self._batches()[-BASELINE_BATCHES:]
        return measured(batches) if batches else None

    def _efficiency(self) -> dict[str, Any]:
        latest = measured(self._batches()[-EFFICIENCY_BATCHES:])
        before = (self._latest("post-edit") or {}).get("efficiency") or {}
        change = None
        if latest.success is not None and before.get("success") is not None:
            change = latest.success - before["success"]
        return {
            "success": latest.success,
            "batches": latest.batches,
            "change": change,
            "target": 0.85,
        }

    def _impact(
        self,
        task: Mapping[str, Any] | None,
        before: Mapping[str, Any] | None,
        size: int | None,
    ) -> dict[str, Any]:
        edited = self._latest("post-edit") or task
        since = None if edited is None else datetime.fromisoformat(edited["at"])
        work = measured(self._batches(since=since) if since else [])
        known = before is not None and before.get("bytes") is not None
        grown = (
            size - before["bytes"] if known and before and size is not None else None
        )
        return {
            "batches": work.batches,
            "cost_s": work.cost_s,
            "bytes_change": grown,
            "against_baseline": compared(work, _baseline_of(task)),
        }

    def _context(self) -> dict[str, Any]:
        task = self._latest("pre-task")
        since = None if task is None else datetime.fromisoformat(task["at"])
        work = measured(self._batches(since=since) if since else [])
        return {
            "load": dict(self._load()),
            "task_id": None if task is None else task["task_id"],
            "against_baseline": compared(work, _baseline_of(task)),
        }

    def _sampled(self, at: datetime) -> dict[str, float]:
        load = dict(self._load())
        if load:
            sample = LoadSample(
                record_id=record_id("hook-load", at.isoformat()),
                at=at,
                source=SOURCE,
                provenance=Provenance.MEASURED,
                host="local",
                cpu=load.get("cpu"),
                memory=load.get("memory"),
            )
            self._records.append(sample.to_json())
        return load

    def _save_patterns(self, at: datetime, task_id: str, work: Performance) -> int:
        rows = [
            {"at": at.isoformat(), "task_id": task_id, "operation_type": kind, **facts}
            for kind, facts in work.to_json()["by_type"].items()
        ]
        self._patterns.append_all(rows)
        return len(rows)


def _baseline_of(task: Mapping[str, Any] | None) -> Performance | None:
    held = None if task is None else task.get("baseline")
    return None if held is None else Performance.from_json(held)


def _size_bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return None


def _workflow(
    task_id: str, began: datetime, at: datetime, batches: list[Batch]
) -> Workflow:
    agents = {(batch.session_id, batch.agent_id) for batch in batches}
    return Workflow(
        record_id=record_id("task", task_id),
        at=began,
        source=SOURCE,
        provenance=Provenance.DECLARED,
        agents=max(1, len(agents)),
        makespan_s=max(0.0, (at - began).total_seconds()),
    )
