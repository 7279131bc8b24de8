"""The five kinds of record, one frozen dataclass each.

Units are SI and in the names; ratios are 0 to 1; timestamps are aware and in UTC; a
value that is not known is `None`, never 0. Texts, paths, commands and prompts have no
field here: a record holds counts, times, classes and hashes only.
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, ClassVar, Self

from toolkit.errors import SchemaError
from toolkit.records.codegen import compile_check, compile_known

__all__ = [
    "KINDS",
    "Batch",
    "CoordinationEvent",
    "LoadSample",
    "Outcome",
    "Provenance",
    "Record",
    "Recovery",
    "Workflow",
]

MAX_TEXT = 200
"""Longest string a record may hold: identifiers are short, texts are not stored."""

MAX_INT = 2**63 - 1
"""Largest whole number that JSON readers and Parquet files hold."""


class Provenance(StrEnum):
    """How a row came to be known; *suspect* and *simulated* rows train nothing."""

    MEASURED = "measured"
    DERIVED = "derived"
    DECLARED = "declared"
    SUSPECT = "suspect"
    SIMULATED = "simulated"


class Outcome(StrEnum):
    """How an event, a workflow or a recovery ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


def _bounded(low: float, high: float = math.inf) -> Any:
    """Declare a numeric field's range beside the field."""
    return field(default=None, metadata={"low": low, "high": high})


def _required(low: float, high: float = math.inf) -> Any:
    return field(metadata={"low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every row carries, whatever its kind.

    Parameters
    ----------
    record_id : str
        Identity: two rows of one kind with one id are the same event, seen twice.
    at : datetime
        When it began, aware, UTC.
    source : str
        The importer or program that wrote the row.
    source_version : str or None
        Version of the observed program, where it said so.
    provenance : Provenance
        How the row came to be known.
    """

    kind: ClassVar[str] = "record"

    record_id: str
    at: datetime
    source: str
    source_version: str | None = None
    provenance: Provenance

    def __post_init__(self) -> None:
        """Check every field against its declared type and range.

        Raises
        ------
        SchemaError
            Naming the field, the value and the fix.
        """
        _layout(type(self)).check(self)

    @property
    def completeness(self) -> int:
        """How much of the event this copy saw; of two copies the fuller one is kept."""
        return 0

    def to_json(self) -> dict[str, Any]:
        """Write the row as JSON types, leaving out what is not known.

        Returns
        -------
        dict
            `kind` first, then the known fields in declared order.
        """
        row = self.known()
        for name in _layout(type(self)).times:
            if name in row:
                moment = row[name].astimezone(UTC)
                row[name] = moment.isoformat(timespec="microseconds")
        return row

    def known(self) -> dict[str, Any]:
        """Give `kind`, then the fields that are known, in declared order."""
        return _layout(type(self)).known(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Read a row written by `to_json`.

        Raises
        ------
        SchemaError
            For an unknown field, a missing one, or a value outside its range.
        """
        rules = {rule.name: rule for rule in field_rules(cls)}
        given = {name: value for name, value in row.items() if name != "kind"}
        if unknown := sorted(set(given) - set(rules)):
            raise SchemaError(
                f"unknown field of a {cls.kind}",
                field=unknown[0],
                fix=f"known are {', '.join(rules)}",
            )
        try:
            return cls(**{k: rules[k].decode(v) for k, v in given.items()})
        except TypeError as error:
            raise SchemaError(str(error), fix="give every required field") from error


AGENT_CHOSE = ("shadow:", "declined:")
"""What stands before the name of a policy that was not heard, or not followed."""

MEASURED_MARK = 8
"""The bit of a batch's completeness that says it was clocked."""

_durations = attrgetter(
    "cycle_s",
    "execution_s",
    "turn_s",
    "waiting_s",
    "operations_s",
    "longest_s",
    "median_s",
)
"""What a copy of a batch may know or not; `Batch.completeness` counts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Record):
    """The operations one agent issued together.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> batch = Batch(
    ...     record_id="b1",
    ...     at=datetime(2026, 1, 5, tzinfo=UTC),
    ...     source="doc",
    ...     provenance=Provenance.MEASURED,
    ...     operation_type="fileOperations",
    ...     size=3,
    ...     cycle_s=1.5,
    ...     succeeded=3,
    ...     failed=0,
    ...     cancelled=0,
    ... )
    >>> Batch.from_json(batch.to_json()) == batch
    True
    >>> batch.cost_s
    0.5
    """

    kind: ClassVar[str] = "batch"

    operation_type: str
    size: int = _required(1, 1e6)
    calls: int | None = _bounded(1, 1e6)
    """Tool calls in the message; differs from `size` where one call holds many todos."""
    session_id: str | None = None
    agent_id: str | None = None
    """`main` for a session's own thread, else the subagent's id."""
    context_id: str | None = None
    """Rows that share it differ in the chosen size only: it was measured in full, or
    drawn by chance within one session and cell of an advice table."""
    group_id: str | None = None
    """What must never be split between training and test."""
    model: str | None = None
    read_share: float | None = _bounded(0, 1)
    cycle_s: float | None = _bounded(0)
    """From the previous result to this batch's last result."""
    execution_s: float | None = _bounded(0)
    """From the first call to the last result."""
    turn_s: float | None = _bounded(0)
    """The part of the cycle before the first call: the latency that batching shares."""
    waiting_s: float | None = _bounded(0)
    """Time spent waiting for a person or for a lock, inside the cycle."""
    operations_s: float | None = _bounded(0)
    """Sum of the operations' own durations."""
    longest_s: float | None = _bounded(0)
    median_s: float | None = _bounded(0)
    censored: bool | None = None
    """True where a person or a sleeping machine was part of the interval."""
    succeeded: int | None = _bounded(0)
    failed: int | None = _bounded(0)
    cancelled: int | None = _bounded(0)
    parallelism: float | None = _bounded(0, 1)
    workers: int | None = _bounded(1, 1e6)
    memory_delta_bytes: int | None = _bounded(-(2**60), 2**60)
    operation_bytes: float | None = _bounded(0)
    """Mean payload of one operation, known before it runs."""
    failure_rate: float | None = _bounded(0, 1)
    """Share of operations expected to fail, known before the batch runs."""
    load_cpu: float | None = _bounded(0, 1)
    load_memory: float | None = _bounded(0, 1)
    load_io: float | None = _bounded(0, 1)
    active_agents: int | None = _bounded(0, 1e6)
    coordination_complexity: float | None = _bounded(0, 1)
    policy: str | None = None
    policy_version: str | None = None
    propensity: float | None = _bounded(0, 1)

    @property
    def completeness(self) -> int:
        """Operations whose end this copy saw, then those it saw, who clocked it, times.

        The last digit that counts is how many of its durations a copy knows: one that
        begins in the middle of a session does not know the wait before it.
        """
        ended = (self.succeeded or 0) + (self.failed or 0) + (self.cancelled or 0)
        known = 7 - _durations(self).count(None)
        measured = self.provenance is Provenance.MEASURED
        return (ended * 1_000_000 + self.size) * 16 + measured * MEASURED_MARK + known

    @property
    def agent_chose(self) -> bool:
        """Whether the agent chose the size in spite of, or without hearing, a decision.

        The decision and its propensity are recorded all the same; they are not the
        chance that this size had.
        """
        return (self.policy or "").startswith(AGENT_CHOSE)

    @property
    def cost_s(self) -> float | None:
        """Seconds per successful operation of this batch alone; `None` if unknown.

        The cost of a *policy* is a ratio of expectations (definitions, section 1), so
        average cycles and successes, never these quotients.
        """
        if self.cycle_s is None or not self.succeeded:
            return None
        return self.cycle_s / self.succeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinationEvent(Record):
    """One operation of one agent, as the others could see it."""

    kind: ClassVar[str] = "coordination"

    agent_id: str
    operation: str
    action: str
    """`read`, `write`, `spawn` or `message`."""
    session_id: str | None = None
    memory_key: str | None = None
    """Keyed hash of the key or path; never the name itself."""
    duration_s: float | None = _bounded(0)
    waited_s: float | None = _bounded(0)
    outcome: Outcome = Outcome.UNKNOWN
    version_seen: int | None = _bounded(0)
    """Version of the key that a read returned, or that a write's author had seen."""
    version: int | None = _bounded(0)
    """Version of the key after the event."""
    has_pre_event: bool | None = None
    has_post_event: bool | None = None
    batch_id: str | None = None

    @property
    def completeness(self) -> int:
        """A copy that saw the end says most; a clocked one more than a derived one."""
        ended = self.outcome is not Outcome.UNKNOWN
        return ended * 2 + int(self.provenance is Provenance.MEASURED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow(Record):
    """A task and the agents that worked on it."""

    kind: ClassVar[str] = "workflow"

    agents: int = _required(1, 1e6)
    components: float | None = _bounded(0)
    dependencies: float | None = _bounded(0)
    parallelizable: float | None = _bounded(0, 1)
    coordination_needs: float | None = _bounded(0, 1)
    component_s: float | None = _bounded(0)
    """Mean working time of one component, as estimated before the run."""
    component_cv: float | None = _bounded(0)
    """Coefficient of variation of the components' working times, estimated before."""
    critical_path_share: float | None = _bounded(0, 1)
    """Longest dependency chain / components."""
    session_id: str | None = None
    context_id: str | None = None
    group_id: str | None = None
    strategy: str | None = None
    memory_structure: str | None = None
    makespan_s: float | None = _bounded(0)
    agent_seconds: float | None = _bounded(0)
    waiting_s: float | None = _bounded(0)
    tasks_succeeded: int | None = _bounded(0)
    tasks_failed: int | None = _bounded(0)
    outcome: Outcome = Outcome.UNKNOWN
    cpu_cores: int | None = _bounded(1, 1e6)
    load_cpu: float | None = _bounded(0, 1)
    load_memory: float | None = _bounded(0, 1)
    load_io: float | None = _bounded(0, 1)
    policy: str | None = None
    policy_version: str | None = None
    propensity: float | None = _bounded(0, 1)

    @property
    def completeness(self) -> int:
        """A finished copy is fuller than an unfinished one."""
        return int(self.makespan_s is not None) * 2 + int(
            self.outcome is not Outcome.UNKNOWN
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSample(Record):
    """How busy a host was."""

    kind: ClassVar[str] = "load"

    host: str
    cpu: float | None = _bounded(0)
    """Load average / cores, or utilisation; exceeds 1 on an overloaded machine."""
    memory: float | None = _bounded(0, 1)
    io: float | None = _bounded(0, 1)
    memory_total_bytes: int | None = _bounded(0)
    memory_used_bytes: int | None = _bounded(0)
    cpu_cores: int | None = _bounded(1, 1e6)
    uptime_s: float | None = _bounded(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery(Record):
    """One attempt to heal one issue."""

    kind: ClassVar[str] = "recovery"

    issue: str
    rung: str
    action: str
    severity: str | None = None
    healing_id: str | None = None
    """The healing session that this attempt belongs to."""
    agent_id: str | None = None
    session_id: str | None = None
    operation_type: str | None = None
    attempt: int | None = _bounded(1, 1e6)
    silent_s: float | None = _bounded(0)
    detect_s: float | None = _bounded(0)
    duration_s: float | None = _bounded(0)
    outcome: Outcome = Outcome.UNKNOWN
    """How the action itself ended."""
    post_condition: bool | None = None
    """Whether what the action was for was then observed; `None` is not known."""
    learning: str | None = None

    @property
    def completeness(self) -> int:
        """An attempt whose post-condition was measured is fuller than one begun."""
        return int(self.post_condition is not None) * 2 + int(
            self.outcome is not Outcome.UNKNOWN
        )


KINDS: Mapping[str, type[Record]] = {
    cls.kind: cls for cls in (Batch, CoordinationEvent, Workflow, LoadSample, Recovery)
}
"""Record class by kind."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Type and range of one field, read from its declaration."""

    name: str
    type_name: str
    optional: bool
    low: float
    high: float

    def check(self, value: object) -> None:
        """Raise `SchemaError` unless the value has this field's type and range."""
        accepted = _PYTHON_TYPES[self.type_name]
        if isinstance(value, bool) and self.type_name != "bool":
            raise self._wrong(value)
        if not isinstance(value, accepted):
            raise self._wrong(value)
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise SchemaError(
                f"longer than {MAX_TEXT} characters",
                field=self.name,
                got=value,
                fix="records hold identifiers, not texts",
            )
        if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            raise SchemaError("holds half a character", field=self.name)
        if isinstance(value, datetime) and value.utcoffset() != timedelta(0):
            raise SchemaError(
                "not an aware time in UTC", field=self.name, got=value.isoformat()
            )
        if isinstance(value, int) and abs(value) > MAX_INT:
            raise SchemaError("does not fit in 64 bits", field=self.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise SchemaError("not a finite number", field=self.name, got=value)
        if isinstance(value, (int, float)) and not self.low <= value <= self.high:
            raise SchemaError(
                f"outside {self.low:g} to {self.high:g}", field=self.name, got=value
            )

    def look(self, value: Any) -> None:
        """Check a value that failed the quick test, `None` included."""
        if value is None:
            raise SchemaError("missing", field=self.name, fix="give a value")
        self.check(value)

    def quick_test(self) -> str:
        """Write the test of a `value` that is true where `look` must decide."""
        if self.type_name == "str":
            return (
                f"value.__class__ is not str or len(value) > {MAX_TEXT} "
                "or not value.isascii()"
            )
        if self.type_name in ("int", "float"):
            most = MAX_INT if self.type_name == "int" else sys.float_info.max
            low, high = max(self.low, -most), min(self.high, most)
            return (
                f"value.__class__ is not {self.type_name} "
                f"or not {low!r} <= value <= {high!r}"
            )
        if self.type_name == "datetime":
            return "value.__class__ is not datetime or value.tzinfo is not UTC"
        return f"value.__class__ is not {self.type_name}"

    def decode(self, value: Any) -> Any:
        """Turn a JSON value into the field's type, where JSON has none for it."""
        if self.type_name == "datetime" and isinstance(value, str):
            try:
                return datetime.fromisoformat(value)
            except ValueError as error:
                raise SchemaError("not a time", field=self.name, got=value) from error
        if self.type_name in _ENUMS and isinstance(value, str):
            try:
                return _ENUMS[self.type_name](value)
            except ValueError as error:
                known = ", ".join(_ENUMS[self.type_name])
                raise SchemaError(
                    "unknown value", field=self.name, got=value, fix=f"known: {known}"
                ) from error
        return value

    def _wrong(self, value: object) -> SchemaError:
        return SchemaError(
            f"not of type {self.type_name}",
            field=self.name,
            got=value,
        )


_ENUMS: Mapping[str, type[StrEnum]] = {"Provenance": Provenance, "Outcome": Outcome}

_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (float, int),
    "bool": bool,
    "datetime": datetime,
    "Provenance": Provenance,
    "Outcome": Outcome,
}


_TEST_NAMES: Mapping[str, Any] = {**_ENUMS, "datetime": datetime, "UTC": UTC}
"""What the expressions of `FieldRule.quick_test` refer to."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is made once of a record class's fields, so that a row takes microseconds."""

    check: Callable[[Any], None]
    known: Callable[[Any], dict[str, Any]]
    times: tuple[str, ...]


_LAYOUTS: dict[type[Record], _Layout] = {}


def _layout(cls: type[Record]) -> _Layout:
    layout = _LAYOUTS.get(cls)
    if layout is None:
        rules = field_rules(cls)
        layout = _LAYOUTS[cls] = _Layout(
            check=compile_check(rules, _TEST_NAMES),
            known=compile_known(rules),
            times=tuple(rule.name for rule in rules if rule.type_name == "datetime"),
        )
    return layout


_RULES: dict[str, tuple[FieldRule, ...]] = {}


def field_rules(cls: type[Record]) -> tuple[FieldRule, ...]:
    """Read the type and range of every field of a record class, once a class."""
    if cls.kind not in _RULES:
        _RULES[cls.kind] = tuple(map(_field_rule, fields(cls)))
    return _RULES[cls.kind]


def _field_rule(declared: Field[Any]) -> FieldRule:
    text = str(getattr(declared.type, "__name__", declared.type))
    if "|" in str(declared.type):
        text = str(declared.type)
    parts = [part.strip().rsplit(".", 1)[-1] for part in text.split("|")]
    return FieldRule(
        name=declared.name,
        type_name=next(part for part in parts if part != "None"),
        optional="None" in parts,
        low=declared.metadata.get("low", -math.inf),
        high=declared.metadata.get("high", math.inf),
    )
