"""A trial by session: a rule is said to sessions drawn at random, and to no other.

::

    STORE/trial.json           the trial that runs, or the last one: what, when, how many
    STORE/trials/NAME.jsonl    a line for each draw: session, arm, probability, time

The draw is a keyed hash of the session and the trial's name: nothing of it can be foreseen
without the store's key. A session that is resumed keeps the arm that it drew; one that
began before the trial, or is a fork of another, is not drawn, for what it did and was shown
before would count for an arm that it did not have. What is said is one of
`policies.RULE_TEXTS`. Standard library only, as the handler that imports it.
"""

import json
import os
import re
import time
from hashlib import blake2b
from pathlib import Path

from toolkit.policies import RULE_TEXTS
from toolkit.records import make_directory, read_regular, replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself is loaded lazily: it costs as much as the work here
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "begin_trial",
    "drawn_arms",
    "end_trial",
    "read_trial",
    "say_by_draw",
]

TRIAL_NAME = "trial.json"
MAX_TRIAL_BYTES = 4096
MAX_DRAWS_BYTES = 64 * 1024 * 1024
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
CONTINUED = frozenset({"resume", "compact", "fork"})
"""Sources of a `SessionStart` that goes on with a conversation that was there before."""


def begin_trial(
    store: Path, *, name: str, rule: str, share: float, at_s: float
) -> "dict[str, Any]":
    """Begin a trial; from now on sessions that start are drawn.

    Parameters
    ----------
    store : path
    name : str
        Letters, digits, dashes and underscores, at most 41.
    rule : str
        One of `RULE_TEXTS`.
    share : float
        Of the sessions that get the rule, above 0 and below 1.
    at_s : float
        Now, in seconds since 1970.

    Returns
    -------
    dict
        The trial as it was written.

    Raises
    ------
    ValueError
        A name, rule or share that is none, a name that was used before, or another
        trial that still runs.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"`{name}` is no name: letters, digits, dashes, underscores")
    if rule not in RULE_TEXTS:
        raise ValueError(f"unknown rule `{rule}`; known are {', '.join(RULE_TEXTS)}")
    if not 0 < share < 1:
        raise ValueError(f"the share must be above 0 and below 1, got {share}")
    running = read_trial(store)
    if running is not None and running.get("ended_s") is None:
        raise ValueError(f"trial `{running['name']}` runs; stop it first")
    if _draws_path(store, name).exists():
        raise ValueError(f"trial `{name}` has draws already; choose another name")
    trial = {"name": name, "rule": rule, "share": share, "began_s": at_s}
    make_directory(store)
    replace_file(store / TRIAL_NAME, json.dumps(trial).encode())
    return trial


def end_trial(store: Path, *, at_s: float) -> "dict[str, Any]":
    """End the trial that runs; no session is drawn any more.

    Parameters
    ----------
    store : path
    at_s : float
        Now, in seconds since 1970.

    Returns
    -------
    dict
        The trial with its end.

    Raises
    ------
    LookupError
        None runs.
    """
    trial = read_trial(store)
    if trial is None or trial.get("ended_s") is not None:
        raise LookupError("no trial runs")
    trial["ended_s"] = at_s
    replace_file(store / TRIAL_NAME, json.dumps(trial).encode())
    return trial


def read_trial(store: Path) -> "dict[str, Any] | None":
    """Read the trial that runs, or the last one; `None` where there was none.

    Parameters
    ----------
    store : path

    Returns
    -------
    dict or None
        Its name, rule, share and times, in seconds since 1970.

    Raises
    ------
    OSError, ValueError
        The file is no small regular file, or holds no trial.
    """
    try:
        data = read_regular(store / TRIAL_NAME, max_bytes=MAX_TRIAL_BYTES)
    except FileNotFoundError:
        return None
    read = json.loads(data)
    trial: dict[str, Any] = read if isinstance(read, dict) else {}
    share = trial.get("share")
    if (
        not isinstance(share, float)
        or not 0 < share < 1
        or trial.get("rule") not in RULE_TEXTS
        or not isinstance(trial.get("began_s"), int | float)
        or not NAME.fullmatch(str(trial.get("name")))
    ):
        raise ValueError(f"{TRIAL_NAME} holds no trial")
    return trial


def say_by_draw(row: "Mapping[str, Any]", store: Path, key: bytes) -> str | None:
    """Draw a session that starts, record the draw, and give what is to be said.

    Parameters
    ----------
    row : mapping
        A reduced `SessionStart` event.
    store : path
    key : bytes
        The store's secret.

    Returns
    -------
    str or None
        The rule's sentence; `None` where no trial runs, the session is to go without, or
        it goes on with a conversation that was not drawn.
    """
    trial = read_trial(store)
    if trial is None or trial.get("ended_s") is not None:
        return None
    if row.get("source") in CONTINUED:
        told = _arms(store, trial["name"]).get(row["session"], False)
        return RULE_TEXTS[trial["rule"]] if told else None
    drawn = blake2b(
        f"{trial['name']}\n{row['session']}".encode(), digest_size=8, key=key
    ).digest()
    told = int.from_bytes(drawn, "big") / 2**64 < trial["share"]
    _note(
        _draws_path(store, trial["name"]),
        {
            "session": row["session"],
            "told": told,
            "propensity": trial["share"] if told else 1 - trial["share"],
            "at_s": row.get("at_ns", time.time_ns()) / 1e9,
        },
    )
    return RULE_TEXTS[trial["rule"]] if told else None


def drawn_arms(store: Path, name: str) -> dict[str, bool]:
    """Read which sessions got the rule of a trial, and which did not.

    Lines that were torn by a full disk are passed over: their sessions have no arm.

    Parameters
    ----------
    store : path
    name : str
        Of the trial.

    Returns
    -------
    dict of str to bool
        By session, as the store hides it: whether it got the rule.

    Raises
    ------
    LookupError
        The trial has no draws, or the name is none.
    """
    arms = _arms(store, name) if NAME.fullmatch(name) else {}
    if not arms:
        raise LookupError(f"no session was drawn for a trial `{name}`")
    return arms


def _arms(store: Path, name: str) -> dict[str, bool]:
    try:
        data = read_regular(_draws_path(store, name), max_bytes=MAX_DRAWS_BYTES)
    except FileNotFoundError:
        return {}
    arms: dict[str, bool] = {}
    for line in data.splitlines():
        try:
            draw = json.loads(line)
            arms.setdefault(str(draw["session"]), bool(draw["told"]))
        except (ValueError, KeyError, TypeError):
            continue
    return arms


def _draws_path(store: Path, name: str) -> Path:
    return store / "trials" / f"{name}.jsonl"


def _note(path: Path, draw: "Mapping[str, Any]") -> None:
    make_directory(path.parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        os.write(descriptor, json.dumps(draw).encode() + b"\n")
    finally:
        os.close(descriptor)
