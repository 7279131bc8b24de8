"""Names, dtypes and units of the feature tables, declared once and exported as they are.

Every column is known before the decision is taken; what becomes known afterwards is a
*target* and never enters a schema.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.bundle import Column, FeatureSchema
from toolkit.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BATCH_BEFORE",
    "BATCH_CONTEXT",
    "BATCH_SEEN",
    "BATCH_TARGETS",
    "BATCH_WINDOW",
    "IDENTITY",
    "WORKFLOW_CONTEXT",
    "WORKFLOW_TARGETS",
    "batch_schema",
    "context_schema",
    "declared_columns",
    "moment_columns",
    "workflow_schema",
]

IDENTITY = (
    "record_id",
    "at",
    "source",
    "source_version",
    "provenance",
    "session_id",
    "agent_id",
    "context_id",
    "group_id",
)
"""Columns that name a row; never read by a model."""


BATCH_CONTEXT = (
    Column(name="read_share", unit="ratio", about="operations that only read"),
    Column(name="load_cpu", unit="ratio", about="processor utilisation at the start"),
    Column(name="load_memory", unit="ratio", about="memory in use at the start"),
    Column(name="load_io", unit="ratio", about="time spent on input and output"),
    Column(name="active_agents", about="agents at work at the start"),
    Column(
        name="coordination_complexity", unit="ratio", about="definitions, section 1"
    ),
    Column(
        name="operation_bytes", unit="byte", about="payload of one operation", log=True
    ),
    Column(name="failure_rate", unit="ratio", about="operations expected to fail"),
    Column(name="workers", about="operations that may run at once"),
)
"""Context columns that a record states."""

BATCH_BEFORE = (
    Column(
        name="operation_characters",
        unit="count",
        about="length of the arguments of one call",
        log=True,
    ),
    Column(
        name="context_tokens",
        about="tokens in front of the model at the start",
        log=True,
    ),
    Column(
        name="previous_operation_type",
        kind="category",
        unit="category",
        about="operation type of the batch before; none for an agent's first one",
    ),
    Column(
        name="previous_failed",
        unit="ratio",
        about="a call of the batch before failed: 1",
    ),
    Column(
        name="previous_characters",
        unit="count",
        about="length of the results of the batch before",
        log=True,
    ),
    Column(name="in_background", unit="ratio", about="its work goes on behind: 1"),
    Column(
        name="prompted", unit="ratio", about="a person wrote since the batch before: 1"
    ),
)
"""What is known just before a batch, and tells how long a single one takes. It differs
from batch to batch of one session and type, so it is no context of a choice."""

BATCH_SEEN = (
    Column(
        name="model", kind="category", unit="category", about="the model that replies"
    ),
    Column(
        name="client_version",
        kind="category",
        unit="category",
        about="version of the program that runs the agent",
    ),
    Column(name="hour", unit="count", about="hour of the day, UTC, 0 to 23"),
)
"""What says something of a batch where it was seen in training, and misleads elsewhere."""

BATCH_WINDOW = (
    Column(name="recent_batches", about="earlier batches of the agent, up to 10"),
    Column(name="recent_size", about="mean size of those"),
    Column(
        name="recent_operation_s", unit="s", about="mean time per operation", log=True
    ),
    Column(name="recent_turn_s", unit="s", about="mean turn latency", log=True),
    Column(name="recent_success", unit="ratio", about="operations that succeeded"),
)
"""Columns computed over the agent's last 10 ended batches, for analysis. Nothing that
serves fills them, so no model reads them."""

BATCH_TARGETS = (
    "cycle_s",
    "succeeded",
    "failed",
    "cancelled",
    "memory_delta_bytes",
    "turn_tokens",
)
"""What a batch turned out to cost."""

WORKFLOW_CONTEXT = (
    Column(name="components", about="parts of the task", log=True),
    Column(name="dependencies", about="edges between parts", log=True),
    Column(name="parallelizable", unit="ratio", about="parts that can run together"),
    Column(name="coordination_needs", unit="ratio", about="work under shared state"),
    Column(name="component_s", unit="s", about="estimated time of one part", log=True),
    Column(name="component_cv", unit="ratio", about="spread of those times"),
    Column(name="critical_path_share", unit="ratio", about="longest chain / parts"),
    Column(name="cpu_cores", about="processor cores of the machine"),
    Column(name="load_cpu", unit="ratio", about="processor utilisation at the start"),
    Column(name="load_memory", unit="ratio", about="memory in use at the start"),
    Column(name="load_io", unit="ratio", about="time spent on input and output"),
)
"""Context columns of a workflow."""

WORKFLOW_TARGETS = ("makespan_s", "agent_seconds", "tokens", "memory_bytes", "outcome")
"""What a workflow turned out to cost."""

PLACES = ("project", "branch", "host", "client")
"""Where a row was recorded: what reports are split by and training never splits."""

OTHERS = (
    "operation_type",
    "size",
    "agents",
    "censored",
    "policy_version",
    "propensity",
    "spent",
    "achieved",
    "group",
)
"""Columns of a feature table, and of what learning adds to it, that are none of these."""

UNITS: Mapping[str, str] = {"_s": "s", "_bytes": "byte", "_ratio": "ratio"}
"""How the name of a declared column ends, and the unit that says."""


MOST_CATEGORIES = 64
"""Categories of a declared column that a model tells apart; rarer ones are one."""


def declared_columns(frame: "pd.DataFrame") -> tuple[Column, ...]:
    """Describe the declared context columns of a feature table.

    Every column that is in no feature table was declared by who wrote the
    records. A unit is part of a number's name: `duration_s`, `model_bytes`,
    `gpu_share_ratio`.

    Parameters
    ----------
    frame : DataFrame
        From `batch_table` or `workflow_table`.

    Returns
    -------
    tuple of Column
        A column of texts is a category of its most frequent values.
    """
    own = {*IDENTITY, *PLACES, *BATCH_TARGETS, *WORKFLOW_TARGETS, *OTHERS}
    batches = (*BATCH_CONTEXT, *BATCH_BEFORE, *BATCH_SEEN, *BATCH_WINDOW)
    own |= {column.name for column in (*batches, *WORKFLOW_CONTEXT)}
    return tuple(
        _declared(frame, str(name)) for name in frame.columns if name not in own
    )


def _declared(frame: "pd.DataFrame", name: str) -> Column:
    values = frame[name]
    about = "declared by the table it comes from"
    if values.dtype.kind in "fiub":
        unit = next((u for end, u in UNITS.items() if name.endswith(end)), "count")
        return Column(name=name, unit=unit, about=about, log=unit == "byte")
    column = Column(name=name, kind="category", unit="category", about=about)
    return _with_categories(column, values)


def moment_columns(
    rows: "pd.DataFrame", *, context: Sequence[str] = ()
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Describe what is known just before single batches, beside the context of a choice.

    Parameters
    ----------
    rows : DataFrame
        Training rows of a batch table.
    context : sequence of str
        Columns that may be read; all of them unless given.

    Returns
    -------
    columns : tuple of Column
        Those that the rows know.
    seen : tuple of str
        Names of those that say something only where they were seen.
    """
    columns = tuple(
        _with_categories(column, rows[column.name])
        for column in (*BATCH_BEFORE, *BATCH_SEEN)
        if column.name in rows
        and rows[column.name].notna().any()
        and (not context or column.name in context)
    )
    seen = {column.name for column in BATCH_SEEN}
    return columns, tuple(c.name for c in columns if c.name in seen)


def _with_categories(column: Column, values: "pd.Series[Any]") -> Column:
    """Give a column of categories its most frequent values; another stays as it is."""
    if column.kind != "category":
        return column
    counts = values.dropna().astype(str).value_counts()
    return replace(column, categories=tuple(sorted(counts.index[:MOST_CATEGORIES])))


def batch_schema(
    operation_types: Sequence[str],
    *,
    known: Sequence[str],
    declared: Sequence[Column] = (),
) -> FeatureSchema:
    """Declare what a batch-size model reads.

    Parameters
    ----------
    operation_types : sequence of str
        Types that the training rows have.
    known : sequence of str
        Context columns with at least one value; a column that is never known would be
        a constant.
    declared : sequence of Column
        From `declared_columns`; those that are known are read as well.

    Returns
    -------
    FeatureSchema
        With one action column, the size.

    Examples
    --------
    >>> batch_schema(["shell"], known=["load_cpu"]).names
    ('operation_type=shell', 'load_cpu', 'log size')
    """
    kind = Column(
        name="operation_type",
        kind="category",
        unit="category",
        about="what the operations do",
        categories=tuple(sorted(set(operation_types))),
    )
    columns = (c for c in (*BATCH_CONTEXT, *declared) if c.name in known)
    return FeatureSchema(
        context=(kind, *columns),
        action=(Column(name="size", about="operations in the batch"),),
    )


def workflow_schema(
    *, known: Sequence[str], declared: Sequence[Column] = ()
) -> FeatureSchema:
    """Declare what an agent-count model reads.

    Parameters
    ----------
    known : sequence of str
        Context columns with at least one value.
    declared : sequence of Column
        From `declared_columns`; those that are known are read as well.

    Returns
    -------
    FeatureSchema
        With one action column, the number of agents.

    Examples
    --------
    >>> workflow_schema(known=["components"]).names
    ('components', 'log agents')
    """
    columns = (*WORKFLOW_CONTEXT, *declared)
    return FeatureSchema(
        context=tuple(c for c in columns if c.name in known),
        action=(Column(name="agents", about="agents at work"),),
    )


def context_schema(
    rows: "pd.DataFrame", *, batches: bool, context: Sequence[str] = ()
) -> FeatureSchema:
    """Declare what a model of some rows reads: the context columns that they know.

    Parameters
    ----------
    rows : DataFrame
        From `batch_table` or `workflow_table`.
    batches : bool
        Which of the two.
    context : sequence of str
        Columns that may be read, declared ones too; all of them unless given.

    Returns
    -------
    FeatureSchema

    Raises
    ------
    UsageError
        `context` names what is no context column.
    """
    own: tuple[Column, ...] = BATCH_CONTEXT if batches else WORKFLOW_CONTEXT
    declared = declared_columns(rows)
    names = [column.name for column in (*own, *declared)]
    single = [c.name for c in (*BATCH_BEFORE, *BATCH_SEEN)] if batches else []
    for name in context:
        if name not in (*names, *single):
            raise UsageError.unknown("context column", name, [*names, *single])
    known = [name for name in names if rows[name].notna().any()]
    known = [name for name in known if not context or name in context]
    if not batches:
        return workflow_schema(known=known, declared=declared)
    types = list(rows["operation_type"].astype(str))
    return batch_schema(types, known=known, declared=declared)
