"""The tools of Claude Code, and what each means to batching and coordination."""

from typing import NamedTuple

__all__ = [
    "ASYNC_LAUNCHED",
    "TEAMMATE_SPAWNED",
    "ToolClass",
    "classify_tool",
    "known_tools",
]

ASYNC_LAUNCHED = "async_launched"
"""Status of a subagent that goes on in the background after its call has returned."""

TEAMMATE_SPAWNED = "teammate_spawned"
"""Status of a team mate, which works on beside the session that spawned it."""


class ToolClass(NamedTuple):
    """What a tool is to us.

    Attributes
    ----------
    operation : str
        Name to store: the tool's own where it is one of Claude Code's, else its class,
        since other names are a team's own words.
    operation_type : str
        Of definitions, section 1, or one that we declare: `shell`, `web`, `mcp`,
        `question`, `planning`, `other`.
    reads : bool
        It changes nothing, so that calls of it may run side by side.
    asks : bool
        A person may have to allow it.
    action : str or None
        What it is to other agents: `read`, `write`, `spawn`, `message`, or nothing.
    """

    operation: str
    operation_type: str
    reads: bool
    asks: bool
    action: str | None


def _tools() -> dict[str, ToolClass]:
    rows = [
        ("fileOperations", True, False, "read", "Read Glob Grep LS NotebookRead"),
        ("fileOperations", False, True, "write", "Write Edit MultiEdit NotebookEdit"),
        ("taskSpawning", False, False, "spawn", "Agent Task"),
        ("todoWrite", False, False, None, "TodoWrite TaskCreate TaskUpdate"),
        ("todoWrite", True, False, None, "TodoRead TaskList TaskGet"),
        ("shell", False, True, None, "Bash PowerShell"),
        ("shell", False, False, None, "KillShell KillBash"),
        ("shell", True, False, None, "BashOutput Monitor"),
        ("web", True, True, None, "WebFetch WebSearch"),
        ("question", False, True, None, "AskUserQuestion ExitPlanMode"),
        ("planning", False, False, None, "EnterPlanMode EnterWorktree ExitWorktree"),
        ("planning", True, False, None, "TaskOutput AgentOutputTool ToolSearch"),
        ("planning", False, False, None, "TaskStop"),
        ("message", False, False, "message", "SendMessage"),
        ("other", True, False, None, "LSP ListMcpResourcesTool ReadMcpResourceTool"),
        ("other", False, True, None, "Skill SlashCommand"),
    ]
    return {
        name: ToolClass(name, operation_type, reads, asks, action)
        for operation_type, reads, asks, action, names in rows
        for name in names.split()
    }


_TOOLS = _tools()
_MCP = ToolClass("mcp", "mcp", reads=False, asks=True, action=None)
_MEMORY_READ = _MCP._replace(operation="mcp memory", reads=True, action="read")
_MEMORY_WRITE = _MCP._replace(operation="mcp memory", action="write")
_OTHER = ToolClass("other", "other", reads=False, asks=True, action=None)
_MEMORY_READS = ("retrieve", "search", "get", "list", "query", "read")


def classify_tool(name: str) -> ToolClass:
    """Say what a tool is; one that is not declared is of the type `other`.

    Parameters
    ----------
    name : str
        As the transcript has it.

    Returns
    -------
    ToolClass

    Examples
    --------
    >>> classify_tool("Grep").operation_type
    'fileOperations'
    >>> classify_tool("mcp__claude-flow__memory_store").action
    'write'
    >>> classify_tool("acme_deploy_tool").operation
    'other'
    """
    known = _TOOLS.get(name)
    if known is not None:
        return known
    if not name.startswith("mcp__"):
        return _OTHER
    verb = name.rsplit("__", 1)[-1]
    if "memory" not in verb:
        return _MCP
    return _MEMORY_READ if any(w in verb for w in _MEMORY_READS) else _MEMORY_WRITE


def known_tools() -> dict[str, ToolClass]:
    """List the tools whose names are stored as they are, and the class of all others.

    Returns
    -------
    dict of str to ToolClass

    Examples
    --------
    >>> known_tools()["Read"].reads, known_tools()["mcp__other"].operation_type
    (True, 'mcp')
    """
    classes = ("mcp__other", "mcp__memory_read", "mcp__memory_store", "other")
    return {**_TOOLS, **{name: classify_tool(name) for name in classes}}
