"""What an installed hook starts for each event: read, stamp, reduce, append, leave.

Standard library only, and of the toolkit nothing but the spool: it runs as a process of
its own before and after every tool call of a session, so it must be quick, end
with 0 whatever happens, and print nothing unless it was installed to advise. Run it by
its path with `python -I -S`: skipping the site packages is most of its speed.

A row holds times, classes, counts and hashes. Prompts, commands, paths, file contents
and tool results are looked at to count and to classify them, and then forgotten.
"""

import json
import os
import signal
import sys
import time
from hashlib import blake2b
from pathlib import Path

RECEIVED_NS = time.time_ns()
"""When this process began: hook payloads carry no time of their own."""

if not __package__:
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from toolkit.records import Spool, read_or_draw_key  # noqa: E402 - found through the line above

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself is loaded lazily: it costs as much as the work here
    from collections.abc import Mapping, Sequence
    from types import FrameType
    from typing import Any

__all__ = ["main", "reduce_event"]

LIMIT_S = 2.0
"""The one time limit: after it the process leaves, whatever it was doing."""

MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
MAX_CALLS = 500
MAX_ID = 128
MARKER_SCAN = 400
"""Characters of a tool result looked at for the words that mark a cancelled call."""

CANCELLED_MARKERS = ("Sibling tool call errored", "Cancelled: parallel tool call")
FAILED_MARKERS = ("<tool_use_error>", "InputValidationError", '"is_error":true')
REJECTED_MARKERS = (
    "The user doesn't want to",
    "User rejected tool use",
    "[Request interrupted by user",
)

KEY_FIELDS = ("file_path", "notebook_path", "path", "key", "to", "recipient")
"""Arguments that name what a call is about, as the importer of transcripts reads them."""

MEMORY_READS = ("retrieve", "search", "get", "list", "query", "read")

COUNTED = ("totalDurationMs", "totalTokens", "totalToolUseCount")
"""What a foreground subagent's result says about the subagent's whole run."""

CLASSES = (
    "permission_mode",
    "source",
    "reason",
    "trigger",
    "notification_type",
    "agent_type",
)
"""Payload fields whose values are one word of a fixed vocabulary, kept as they are."""


def main(arguments: "Sequence[str]") -> int:
    """Handle one event from standard input; every path out of here is exit code 0.

    Parameters
    ----------
    arguments : sequence of str
        `--store DIR`, and optionally `--advice off|shadow|on`, `--bundle DIR` and
        `--explore SHARE`.
    """
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    named = options.get("--store") or _default_store()
    if "://" in named:
        os.write(
            2, b"toolkit hook: nothing recorded: the store must be a folder here\n"
        )
        return 0
    store = Path(named)
    try:
        words = _handle(store, options)
    except Exception as error:  # noqa: BLE001 - the session must go on; what happened is recorded
        words = None
        _record_failure(store, error)
    if words:
        os.write(1, words.encode("ascii"))
    return 0


def reduce_event(
    payload: "Mapping[str, Any]", key: bytes, at_ns: int
) -> "dict[str, Any]":
    """Keep of a hook payload what a record may hold.

    Parameters
    ----------
    payload : mapping
        As the harness sent it.
    key : bytes
        The store's secret, for hashes of paths and keys.
    at_ns : int
        When it was received, nanoseconds since 1970 in UTC.

    Returns
    -------
    dict
        `kind` "hook", `event`, `at_ns`, `session`, `agent`, and what the event tells.

    Examples
    --------
    >>> row = reduce_event(
    ...     {
    ...         "session_id": "s",
    ...         "hook_event_name": "PostToolUse",
    ...         "tool_name": "Read",
    ...         "tool_use_id": "toolu_1",
    ...         "duration_ms": 12,
    ...         "tool_input": {"file_path": "/home/me/secret.py"},
    ...     },
    ...     b"k",
    ...     1,
    ... )
    >>> row["tool"], row["id"], row["duration_ms"], "secret" in str(row)
    ('Read', 'toolu_1', 12, False)
    """
    row = {
        "kind": "hook",
        "event": _identifier(payload.get("hook_event_name"), key) or "unknown",
        "at_ns": at_ns,
        "session": _identifier(payload.get("session_id"), key),
        "agent": _identifier(payload.get("agent_id"), key) or "main",
    }
    for name in CLASSES:
        row[name] = _identifier(payload.get(name), key)
    row["model"] = _model(payload.get("model"))
    row["teammate"] = _hidden_name(payload.get("teammate_name"), key)
    if payload.get("tool_name") is not None:
        row.update(_call(payload, key))
        row["interrupted"] = payload.get("is_interrupt") is True or None
        row["duration_ms"] = _duration(payload.get("duration_ms"))
    calls = next(
        (
            payload[n]
            for n in ("tool_calls", "tool_results", "tool_uses")
            if n in payload
        ),
        None,
    )
    if isinstance(calls, list):
        reduced = [_call(c, key) for c in calls[:MAX_CALLS] if isinstance(c, dict)]
        row["calls"] = reduced
        row["calls_seen"] = len(calls)
    cwd = payload.get("cwd")
    row["place"] = _hidden(cwd, key) if isinstance(cwd, str) and cwd else None
    row["task"] = _identifier(payload.get("task_id"), key)
    row["automatic"] = _is_automatic(payload) or None
    return {name: value for name, value in row.items() if value is not None}


def _is_automatic(payload: "Mapping[str, Any]") -> bool:
    """Whether a prompt is a notice of the harness, and no person was waited for."""
    prompt = payload.get("prompt")
    if payload.get("hook_event_name") != "UserPromptSubmit":
        return False
    from toolkit.records import is_automatic

    return isinstance(prompt, str) and is_automatic(prompt)


def _handle(store: Path, options: "Mapping[str, str]") -> str | None:
    payload = _read_payload()
    spool = _spool(store)
    key = read_or_draw_key(store)
    row = reduce_event(payload, key, RECEIVED_NS)
    if "session" not in row:
        raise ValueError("a hook payload without `session_id`")
    row.update(_load(row["event"]))
    spool.append(row)  # before the advice: what a table does must not cost the event
    if row["event"] == "SessionStart":
        return _output(row, _trial_words(row, store, key))
    mode = options.get("--advice", "off")
    if mode == "off" or not _decides(row, spool.directory):
        return None
    decision = _decision(row, store, options, mode)
    spool.append(decision)
    return _output(row, decision.get("said") if mode == "on" else None)


def _output(row: "Mapping[str, Any]", said: str | None) -> str | None:
    if said is None:
        return None
    output = {"hookEventName": row["event"], "additionalContext": said}
    return json.dumps({"hookSpecificOutput": output})


def _trial_words(row: "Mapping[str, Any]", store: Path, key: bytes) -> str | None:
    """Give what a trial says to this session; nothing in nearly every store."""
    if not os.path.lexists(store / "trial.json"):
        return None
    from toolkit.capture.session_trial import say_by_draw

    return say_by_draw(row, store, key)


def _decides(row: "Mapping[str, Any]", folder: Path) -> bool:
    """Whether this process decides after an event: once for each batch."""
    from toolkit.capture.hook_claim import claim, forget

    if row["event"] == "SessionEnd":
        forget(folder, row["session"])
    if row["event"] != "PostToolBatch" or not row.get("calls"):
        return False
    first = str(row["calls"][0].get("id"))
    return claim(folder, row["session"], row["agent"], first, row["at_ns"])


def _decision(
    row: "Mapping[str, Any]", store: Path, options: "Mapping[str, str]", mode: str
) -> "dict[str, Any]":
    from toolkit.capture.hook_advice import advise, read_advice_table

    decision = {
        "kind": "hook",
        "event": "advice",
        "at_ns": row["at_ns"],
        "session": row["session"],
        "agent": row["agent"],
        "mode": mode,
        "batch": row["calls"][0].get("id"),
    }
    try:
        # What is only written down changes nothing, so shadow mode has nothing to try.
        explore = float(options.get("--explore", 0)) if mode == "on" else 0.0
        bundle = Path(options["--bundle"]) if "--bundle" in options else None
        table = read_advice_table(bundle, store, explore)
        answer = advise(table, row, row["at_ns"] / 1e9, explore)
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        return {**decision, "reason": "no_table", "error": type(error).__name__}
    return {**decision, **(answer or {"reason": "no_answer"})}


def _call(payload: "Mapping[str, Any]", key: bytes) -> "dict[str, Any]":
    given = payload.get("tool_input")
    given = given if isinstance(given, dict) else {}
    response = payload.get("tool_response")
    todos = given.get("todos")
    facts: dict[str, Any] = {
        "tool": _tool(payload.get("tool_name")),
        "id": _identifier(payload.get("tool_use_id"), key),
        "key": _name_of(given, key),
        "todos": len(todos) if isinstance(todos, list) and todos else None,
        "ended": _ending(payload, response),
    }
    if isinstance(response, dict):
        facts["status"] = _identifier(response.get("status"), key)
        facts["spawned"] = _identifier(
            response.get("agentId") or response.get("teammate_id"), key
        )
        facts["teammate"] = _hidden_name(response.get("name"), key)
        facts["goes_on"] = bool(response.get("backgroundTaskId")) or None
        for name in COUNTED:
            facts[name] = _duration(response.get(name))
    return {name: value for name, value in facts.items() if value is not None}


def _ending(payload: "Mapping[str, Any]", response: object) -> str | None:
    said = payload.get("error", response)
    if not isinstance(said, str):
        if not isinstance(said, (dict, list)):
            return None
        said = json.dumps(said, separators=(",", ":")) if len(said) < 8 else ""
    head = said[:MARKER_SCAN]
    for word, markers in (
        ("cancelled", CANCELLED_MARKERS),
        ("rejected", REJECTED_MARKERS),
        ("failed", FAILED_MARKERS),
    ):
        if any(marker in head for marker in markers):
            return word
    return None


def _tool(value: object) -> str:
    """Keep the harness's own tool names; others are a team's words, so their class."""
    name = value if isinstance(value, str) else ""
    if not name.startswith("mcp__"):
        return name if name.isascii() and name.isalnum() and len(name) < 40 else "other"
    verb = name.rsplit("__", 1)[-1]
    if "memory" not in verb:
        return "mcp__other"
    reads = any(word in verb for word in MEMORY_READS)
    return "mcp__memory_read" if reads else "mcp__memory_store"


def _name_of(given: "Mapping[str, Any]", key: bytes) -> str | None:
    for name in KEY_FIELDS:
        value = given.get(name)
        if isinstance(value, str) and value:
            space = given.get("namespace")
            named = f"{space}:{value}" if isinstance(space, str) else value
            return _hidden(named, key)
    return None


def _hidden(text: str, key: bytes) -> str:
    # The same digest as records.identity.keyed_hash; a test holds them together.
    raw = text.encode("utf-8", "surrogatepass")
    return blake2b(raw, digest_size=10, key=key).hexdigest()


def _hidden_name(value: object, key: bytes) -> str | None:
    return _hidden(value, key) if isinstance(value, str) and value else None


def _identifier(value: object, key: bytes) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)
    plain = text.isascii() and all(c.isalnum() or c in "_-.:" for c in text[:MAX_ID])
    if 0 < len(text) <= MAX_ID and plain:
        return text
    return "hidden-" + _hidden(text[:4096], key) if text else None


def _model(value: object) -> str | None:
    # As records.identity.model_name: a variant or a date belongs to a model's name.
    text = value if isinstance(value, str) else ""
    plain = text.isascii() and all(c.isalnum() or c in "_-.:@/[]" for c in text)
    return text if plain and 0 < len(text) <= 100 else None


def _duration(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value < 1e12 else None


def _load(event: str) -> "dict[str, float]":
    if event not in ("PreToolUse", "PostToolBatch"):
        return {}
    load = {"load_cpu": min(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))}
    try:
        with Path("/proc/meminfo").open("rb") as stream:
            lines = dict(
                line.split(b":", 1) for line in stream.read(400).splitlines()[:3]
            )
        free, total = (int(lines[n].split()[0]) for n in (b"MemAvailable", b"MemTotal"))
        load["load_memory"] = min(1.0, max(0.0, 1 - free / total))
    except (OSError, ValueError, LookupError, ArithmeticError):
        pass  # a system that does not tell: the memory load is not known, and left out
    load["load"] = max(load.values())
    return {name: round(value, 4) for name, value in load.items()}


def _read_payload() -> "dict[str, Any]":
    parts = []
    left = MAX_PAYLOAD_BYTES + 1
    while left > 0 and (part := os.read(0, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise ValueError(f"a hook payload above {MAX_PAYLOAD_BYTES} bytes")
    payload = json.loads(b"".join(parts).decode("utf-8", "replace"))
    if not isinstance(payload, dict):
        raise TypeError("a hook payload that is not a JSON object")
    return payload


def _default_store() -> str:
    if named := os.environ.get("TOOLKIT_STORE"):
        return named
    return os.path.join(os.environ.get("CLAUDE_PROJECT_DIR", os.curdir), ".toolkit")  # noqa: PTH118 - an address would lose a slash


def _spool(store: Path) -> Spool:
    """Open the store's spool; a checkout may hold links that lead out of it."""
    folder = store / "hooks"
    if folder.is_symlink() or (store.name == ".toolkit" and store.is_symlink()):
        raise OSError("the store is a link")
    return Spool(folder)


def _record_failure(store: Path, error: Exception) -> None:
    row = {
        "kind": "hook",
        "event": "unreadable",
        "at_ns": RECEIVED_NS,
        "error": type(error).__name__,
    }
    try:
        _spool(store).append(row)
    except OSError as again:
        line = f"toolkit hook: nothing recorded: {type(again).__name__}\n"
        os.write(2, line.encode())


def _leave(_signal: int, _frame: "FrameType | None") -> None:
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, _leave)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    main(sys.argv[1:])
    os._exit(0)
