"""What the tools of each client do, in one table that is extended in one place.

A shell command is looked at by its first word: several clients read files through the
shell, and nine calls in ten would be `shell` otherwise. The word decides the class and is
not stored.
"""

import re
from typing import NamedTuple

__all__ = ["OPERATIONS", "Operation", "classify_call", "classify_operation"]


class Operation(NamedTuple):
    """The class of a call.

    Attributes
    ----------
    operation_type : str
        As for Claude Code, and `poll`: waiting for work that was begun before.
    reads : bool
        It changes nothing.
    """

    operation_type: str
    reads: bool = False


READ = Operation("fileOperations", reads=True)
EDIT = Operation("fileOperations")
SHELL = Operation("shell")
POLL = Operation("poll", reads=True)
WEB = Operation("web", reads=True)
TODO = Operation("todoWrite")
SPAWN = Operation("taskSpawning")
QUESTION = Operation("question")
PLANNING = Operation("planning", reads=True)
MESSAGE = Operation("message")
MCP = Operation("mcp")
OTHER = Operation("other")

OPERATIONS: dict[str, Operation] = {
    name: operation
    for operation, names in (
        (
            READ,
            (
                "read read_file read_many_files view glob grep rg list ls list_directory "
                "search_file_content grep_search file_search list_dir view_image find lsp"
            ),
        ),
        (
            EDIT,
            (
                "edit write patch multiedit apply_patch write_file replace create "
                "str_replace_editor"
            ),
        ),
        (
            SHELL,
            (
                "exec_command shell_command shell local_shell local_shell_call "
                "container.exec bash powershell run_shell_command user_shell unified_exec"
            ),
        ),
        (
            POLL,
            (
                "write_stdin read_bash read_powershell write_bash write_powershell "
                "stop_bash stop_powershell list_bash list_powershell wait_agent wait "
                "read_agent list_agents"
            ),
        ),
        (WEB, "web_search web_fetch webfetch websearch google_web_search fetch"),
        (TODO, "todowrite todoread update_plan write_todos sql todo_write"),
        (SPAWN, "task spawn_agent delegate_to_agent"),
        (QUESTION, "question ask_question ask_user request_user_input"),
        (PLANNING, "report_intent plan_enter plan_exit exit_plan_mode session_context"),
        (MESSAGE, "send_input send_message write_agent"),
    )
    for name in names.split()
}
"""Operation of a tool by its name, whatever the client; add a name to extend it."""

SHELL_READS = frozenset(
    [
        "awk",
        "cat",
        "diff",
        "du",
        "env",
        "file",
        "find",
        "git-diff",
        "git-log",
        "git-show",
        "git-status",
        "grep",
        "head",
        "jq",
        "less",
        "ls",
        "more",
        "nl",
        "pwd",
        "rg",
        "sed",
        "sort",
        "stat",
        "tail",
        "tree",
        "type",
        "uniq",
        "wc",
        "which",
    ]
)
"""First words of commands that read; of `git` the second word decides."""

_FIRST = re.compile(r"\s*(?:[A-Z_]+=\S*\s+)*([\w./-]+)(?:\s+(-?[\w-]+))?")


def classify_operation(tool: str, command: object = None) -> Operation:
    """Classify a call by its tool and, for the shell, its command's first word.

    Parameters
    ----------
    tool : str
    command : object
        A text, or a list of words as some clients write it.

    Examples
    --------
    >>> classify_operation("exec_command", "rg -n lexer src").operation_type
    'fileOperations'
    >>> classify_operation("bash", "sed -i s/a/b/ x").reads
    False
    >>> classify_operation("acme__deploy").operation_type
    'mcp'
    """
    return classify_call(tool, command)[0]


def classify_call(tool: str, command: object = None) -> tuple[Operation, str | None]:
    """Classify a call, and give the first word of a shell's command.

    Parameters
    ----------
    tool : str
    command : object
        A text, or a list of words as some clients write it.

    Returns
    -------
    operation : Operation
    word : str or None
        As it decides; `None` for another tool.

    Examples
    --------
    >>> classify_call("bash", "/usr/bin/rg -n x")[1], classify_call("read")[1]
    ('rg', None)
    """
    known = OPERATIONS.get(tool)
    if known is None:
        is_mcp = "__" in tool or tool.startswith("mcp")
        return (MCP if is_mcp else OTHER), None
    if known is not SHELL:
        return known, None
    if isinstance(command, list):
        words = [word for word in command if isinstance(word, str)]
        command = words[-1] if len(words) > 2 else " ".join(words)
    found = _FIRST.match(command) if isinstance(command, str) else None
    if found is None:
        return SHELL, None
    word, second = found[1].rpartition("/")[2], found[2] or ""
    if word == "git":
        word = f"git-{second}"
    if word == "sed" and second.startswith("-i"):
        return SHELL, word
    return (READ if word in SHELL_READS else SHELL), word
