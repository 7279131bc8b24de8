"""The four hook verbs as commands: the flags of the specification's section 5."""

import argparse
import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_text
from toolkit.cli.places import local
from toolkit.errors import BundleRefusedError, InputDataError, UsageError

if TYPE_CHECKING:
    from toolkit.capture.hooks import HookVerbs
    from toolkit.notifier import Notification
    from toolkit.records import Record

__all__ = ["add_verbs"]

TEXTS: Mapping[str, Mapping[str, str]] = {
    "pre-task": {
        "description": "what the task is (required)",
        "task-id": "name it yourself",
    },
    "post-edit": {
        "file": "what was edited (required)",
        "memory-key": "shared key that the edit is about",
        "agent-id": "who edited (default: main)",
    },
    "notify": {
        "message": "1 to 500 characters (required)",
        "level": "info, success, warning or error (default: info)",
        "metadata": "a JSON object to attach",
    },
    "post-task": {"task-id": "as pre-task gave it (required)"},
}

SWITCHES: Mapping[str, Mapping[str, str]] = {
    "pre-task": {
        "enable-monitoring": "measure the load now and at every edit of the task",
        "establish-baseline": "store how the latest batches went, to compare with",
    },
    "post-edit": {
        "analyze-performance": "compare the batches since the last edit with the baseline",
        "track-efficiency": "follow the share of operations that succeed",
    },
    "notify": {
        "include-metrics": "attach how the latest batches went",
        "performance-context": "attach the load, the task and its comparison",
    },
    "post-task": {
        "analyze-performance": "compare the task's batches with its baseline",
        "save-patterns": "keep the sizes used and how they went",
        "generate-recommendations": "say what to do differently, with figures",
    },
}

REQUIRED = ("description", "file", "message")
ABOUT = {
    "pre-task": "begin a task",
    "post-edit": "tell of an edit",
    "notify": "notify a person",
    "post-task": "end a task",
}


def add_verbs(verbs: Any) -> None:
    """Add the four verbs to `toolkit hooks`."""
    for verb, about in ABOUT.items():
        parser = verbs.add_parser(verb, help=about)
        for name, text in TEXTS[verb].items():
            needed = name in REQUIRED or (verb, name) == ("post-task", "task-id")
            parser.add_argument(f"--{name}", help=text, required=needed)
        for name, text in SWITCHES[verb].items():
            parser.add_argument(
                f"--{name}",
                help=f"{text} (true or false)",
                nargs="?",
                type=_truth,
                const=True,
                default=False,
                metavar="BOOL",
            )
        add_store_option(parser, default=".toolkit")
        if verb == "post-task":
            parser.add_argument(
                "--bundle",
                type=local,
                metavar="DIR",
                help="batch-size model to recommend from (default: the rule)",
            )
        parser.add_argument(
            "--claude-flow",
            metavar="COMMAND",
            help="tell claude-flow as well, for instance 'npx claude-flow' (off)",
        )
        add_json_option(parser)
        parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    """Run one verb, notify where it is to, and print what it found."""
    verb = options.verb
    names = [*TEXTS[verb], *SWITCHES[verb]]
    given = {name.replace("-", "_"): _of(options, name) for name in names}
    if verb == "notify":
        given["metadata"] = _metadata(options.metadata)
    given = {name: value for name, value in given.items() if value is not None}
    answer = _call(_hooks(options), verb, given)
    if options.claude_flow:
        answer["claude_flow"] = _tell(options.claude_flow, verb, given, answer)
    if options.json:
        print_json(answer)
    else:
        for name, value in answer.items():
            print_text(f"{name}: {value}")
    return 0


def _call(hooks: "HookVerbs", verb: str, given: dict[str, Any]) -> dict[str, Any]:
    calls: dict[str, Callable[..., dict[str, Any]]] = {
        "pre-task": hooks.pre_task,
        "post-edit": hooks.post_edit,
        "notify": hooks.notify,
        "post-task": hooks.post_task,
    }
    return calls[verb](**given)


def _hooks(options: argparse.Namespace) -> "HookVerbs":
    from toolkit.capture.hooks import HookVerbs
    from toolkit.clock import SystemClock

    return HookVerbs(
        options.store,
        clock=SystemClock(),
        notifier=_Console(),
        load=_load,
        history=lambda: _history(options.store),
        sizes=_sizes(getattr(options, "bundle", None)),
    )


def _sizes(
    bundle: Path | None,
) -> "Callable[[str, Mapping[str, float]], float | None] | None":
    """Decide sizes from a bundle, by its whole ladder; `None` leaves the rule."""
    if bundle is None:
        return None
    from toolkit.clock import SystemClock
    from toolkit.runtime.advice import open_advisor

    advisor = open_advisor(bundle, decision="batch_size", clock=SystemClock())
    if advisor.refused is not None:
        raise BundleRefusedError(advisor.refused, path=bundle)

    def size_of(operation_type: str, load: Mapping[str, float]) -> float:
        context = {f"load_{name}": value for name, value in load.items()}
        decision = advisor.decide({**context, "operation_type": operation_type})
        return decision.action[0]

    return size_of


class _Console:
    """Notifies the person at the terminal."""

    def notify(self, notification: "Notification", /) -> None:
        print_note(f"[{notification.level}] {notification.message}")


def _load() -> Mapping[str, float]:
    import psutil

    return {
        "cpu": min(1.0, psutil.getloadavg()[0] / (psutil.cpu_count() or 1)),
        "memory": psutil.virtual_memory().percent / 100,
    }


def _history(store: Path) -> "Iterable[Record]":
    """Read what the hooks recorded, what is spooled, and what is compacted."""
    from toolkit.errors import NotEnoughDataError
    from toolkit.history import read_store

    if not store.exists():
        return  # the first hook of a project: it is made when something is written
    with suppress(NotEnoughDataError):
        yield from read_store(store).scan("batch")


def _tell(
    command: str, verb: str, given: Mapping[str, Any], answer: Mapping[str, Any]
) -> dict[str, Any]:
    from dataclasses import asdict

    from toolkit.runtime.sinks import ClaudeFlowSink

    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"`--claude-flow`: {error}; give a command line") from error
    if not words:
        raise UsageError("`--claude-flow` is empty; give a command line")
    sink = ClaudeFlowSink(words, directory=Path())
    told = {**given, "task_id": answer.get("task_id", given.get("task_id"))}
    sink.tell(verb, **told)
    return asdict(sink.status())


def _of(options: argparse.Namespace, name: str) -> Any:
    return getattr(options, name.replace("-", "_"))


def _truth(text: str) -> bool:
    known = {"true": True, "false": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"`{text}` is neither `true` nor `false`")
    return known[text.lower()]


def _metadata(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise InputDataError(
            "not JSON", field="--metadata", fix="give a JSON object"
        ) from error
    if not isinstance(value, dict):
        raise InputDataError(
            "not a JSON object", field="--metadata", fix='such as {"a": 1}'
        )
    return value


def _refused(word: str) -> float:
    raise ValueError(f"{word} is not JSON")
