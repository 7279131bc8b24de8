"""The data sheet that lies beside a sweep's records."""

from toolkit.measurement.design import Design
from toolkit.measurement.machine import Machine
from toolkit.measurement.report import ContextSummary, Report

__all__ = ["write_data_sheet"]

HEAD = """# Measured sample history

Real batches and task graphs, run and clocked by `toolkit records measure`; written by it
as well, this page included. Every action was tried in every context, so the best one is
known. Nothing in it was read from anybody's work: the files, todo lists, processes and
graphs are made for the measurement. No cost is a sleep: an operation reads, hashes,
writes, parses or computes; a turn reads the whole context again, opens a store, takes a
lock or starts processes; an operation that fails makes the work of its siblings void, and the
batch is done again.

    toolkit records import spool data/sample --store DIR

| file | records |
|---|---|
| `batches.jsonl.gz` | one batch a line: {batch} |
| `workflows.jsonl.gz` | one run of a task graph a line: {workflow} |
| `load.jsonl.gz` | how busy the machine was before and within each block: {load} |
| `machine.json` | what the costs depend on, without saying which machine it was |
"""

COLUMNS = """## Columns

The record schema, times in seconds, ratios 0 to 1. What a decision may know beforehand:
`operation_type`, `operation_bytes`, `read_share`, `failure_rate`, `coordination_complexity`,
`active_agents`, `workers`, `load_*` for a batch; `components`, `dependencies`, `parallelizable`,
`critical_path_share`, `coordination_needs`, `component_s`, `component_cv`, `cpu_cores`,
`load_*` for a task graph.

* `context_id` is the workload variant and the load level: rows that share it differ in
  `size` (or `agents`) and in chance only. `group_id` is the variant: hold it out as a whole.
* `session_id` is the repeat. Cells of one repeat saw the same operations fail.
* `cycle_s` runs from the previous result to the batch's last; `turn_s` is the part before the
  first operation. A failed batch has `succeeded` 0; its redo is a separate row. **The
  cost of a size is all `cycle_s` over all `succeeded` of its rows in the context**, never a mean
  of quotients, and small sizes have more rows.
* `failure_rate` is the share of operations that fail when first tried, exact over the
  repeats of a context.
* `load_cpu`, `load_memory`, `load_io` were observed while nothing was being measured, just
  before the block (one context of one repeat, all actions). `load_cpu` counts processes
  of at least the measurement's priority: what yields to it is no load.
* `waiting_s` is time spent waiting for a lock (batches), or without work (task graphs).
"""


def write_data_sheet(report: Report, design: Design, machine: Machine) -> str:
    """Write the page: design, columns, machine, where the best actions lie, noise."""
    counts = {
        kind: f"{report.rows.get(kind, 0):,}" for kind in ("batch", "workflow", "load")
    }
    parts = [
        HEAD.format(**counts),
        _design(design),
        COLUMNS,
        _machine(machine),
        _optima(report),
        _contexts(report),
    ]
    return "\n".join(parts)


def _design(design: Design) -> str:
    loads = ", ".join(f"`{level.name}`" for level in design.loads)
    workers = f"{min(design.workers)} to {max(design.workers)}"
    return f"""## Design

Full factorial: {len(design.batch_groups)} batch variants and {len(design.graph_groups)} task graphs, under {len(design.loads)} load levels
({loads}), {design.repeats} repeats, seed {design.seed}. Sizes {_listed(design.sizes)} (spawning: {_listed(design.spawn_sizes)});
workers {workers}. A cell goes on until {design.operations} operations have succeeded (spawning: {design.spawn_operations}), or
runs its graph once. A block is one context of one repeat: all its actions in an order drawn for it, within a second or two, so
that what else happens on the machine falls on all of them alike. Load levels and the contexts within a level come in a new order
in each repeat, batches and graphs mixed. `busy` keeps half of the cores computing at the same priority. Batches work in memory,
task graphs synchronise to the disk. Where the system allows it, what is measured and what keeps the machine busy have priority over
other work, and a block waits until the machine is idle, up to a limit.

The repeats make two halves, even and odd; the same operations fail equally often in both. The best action is to be chosen on one half and
graded on the other: *noise floor* below is what the best action of one half costs on the other, over the least there.
"""


def _machine(machine: Machine) -> str:
    return f"""## Machine

{machine.cpu_cores} cores ({machine.architecture}), {machine.memory_bytes / 1e9:.0f} GB of memory, {machine.system} {machine.kernel}, file system {machine.file_system},
Python {machine.python}, SQLite {machine.sqlite}.
"""


def _optima(report: Report) -> str:
    header, rows = report.table()
    interior = sum(context.interior for context in report.contexts)
    lines = [_row(header), _row(["---"] * len(header)), *map(_row, rows)]
    return f"""## Where the best action lies

In {interior} of {len(report.contexts)} rows of context and cost the best action lies strictly between the smallest and the largest that was
tried. *In every repeat*: it also beats both edges in each repeat taken alone. Noise is the coefficient of variation of an
action's cost between repeats, median over actions and contexts; *within blocks* after each repeat's common level has been divided
out, which is what blurs the comparison of actions: where it is large the best action is an estimate, and a best and its neighbours
cannot be distinguished. A workflow costs `makespan^0.5 * agent_seconds^0.5`.

{chr(10).join(lines)}
"""


def _contexts(report: Report) -> str:
    lines = [
        "## Best action by context\n",
        "| group | decision | best action by load level |",
        "|---|---|---|",
    ]
    groups: dict[tuple[str, str], list[ContextSummary]] = {}
    for context in report.contexts:
        groups.setdefault((context.kind, context.group), []).append(context)
    for (kind, group), contexts in sorted(groups.items()):
        best = ", ".join(f"{c.context.rpartition('/')[2]} {c.best}" for c in contexts)
        lines.append(f"| {group} | {kind} | {best} |")
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _listed(actions: tuple[int, ...]) -> str:
    return ", ".join(map(str, actions))
