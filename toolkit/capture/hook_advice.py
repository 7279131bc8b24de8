"""What an installed hook may say after a batch: numbers in words of our own.

The table of an exported model, and the rule's own table in the store, are files that
others may have written. A table is read only where its hash (or the team's signature)
holds, from nothing but small regular files; of what it holds, numbers within bounds and
words of a fixed vocabulary are used, and the sentences are ours. Standard library only.
"""

import json
import os
from hashlib import blake2b, sha256
from pathlib import Path

from toolkit.bundle import team_signature
from toolkit.records import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself is loaded lazily: it costs as much as the work here
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["RULE_TABLE", "advise", "read_advice_table", "sealed_table"]

RULE_TABLE = "rule-advice.json"
"""In the store: what is explored while no model serves; `hooks install` writes it."""

MAX_TABLE_BYTES = 256 * 1024
MAX_RULE_BYTES = 2 * MAX_TABLE_BYTES
MAX_MANIFEST_BYTES = 2 << 20
MAX_SEAL_BYTES = 4096

MAX_SIZE = 20
"""The specification's largest maximum of a batch (section 1)."""

OPERATION_TYPES = frozenset(
    (
        *("fileOperations", "mcp", "message", "mixed", "other", "planning", "question"),
        *("shell", "taskSpawning", "todoWrite", "web"),
    )
)
"""The only words for operations that are said or recorded."""

KNOWN = ("load", "load_cpu", "load_memory", "read_share", "size")
"""Columns that a hook knows."""


def read_advice_table(
    bundle: "Path | None", store: Path, explore: float
) -> "dict[str, Any]":
    """Read the model's table; while the rule serves, the rule's own may be explored.

    Parameters
    ----------
    bundle : path or None
        `None` where none was named: the folder that a hook runs in is the project's,
        and nothing in it is taken for a bundle.
    store : path
    explore : float
        Share of sizes that are tried; 0 where exploring is off.

    Raises
    ------
    OSError, ValueError, LookupError
        There is none, or it may not be trusted.
    """
    if bundle is None:
        if not explore:
            raise FileNotFoundError("no bundle was named")
        return _parsed(_rule_table(store))
    try:
        data = read_regular(bundle / "advice.json", max_bytes=MAX_TABLE_BYTES)
    except FileNotFoundError:
        if not explore:
            raise
        return _parsed(_rule_table(store))
    _verify(bundle, data)
    return _parsed(data)


def sealed_table(table: bytes, key: bytes) -> bytes:
    """Write the rule's table with a keyed hash, so that no other is taken for it.

    Parameters
    ----------
    table : bytes
        An advice table.
    key : bytes
        The store's secret.

    Returns
    -------
    bytes
        JSON of the table and its hash.
    """
    text = table.decode("ascii")
    return json.dumps({"table": text, "hash": _table_hash(table, key)}).encode()


def _rule_table(store: Path) -> bytes:
    sealed = json.loads(read_regular(store / RULE_TABLE, max_bytes=MAX_RULE_BYTES))
    table = bytes(sealed["table"], "ascii")
    key = read_regular(store / "key", max_bytes=64)
    if sealed["hash"] != _table_hash(table, key):
        raise ValueError("the rule's table was not written for this store")
    return table


def _table_hash(table: bytes, key: bytes) -> str:
    return blake2b(table, key=key, person=b"advice table").hexdigest()


def _verify(bundle: Path, data: bytes) -> None:
    """Check the table against the manifest, and the manifest against its seal."""
    manifest = read_regular(bundle / "manifest.json", max_bytes=MAX_MANIFEST_BYTES)
    seal = json.loads(read_regular(bundle / "seal.json", max_bytes=MAX_SEAL_BYTES))
    if seal["manifest_sha256"] != sha256(manifest).hexdigest():
        raise ValueError("the manifest was altered")
    signed = team_signature(manifest)
    if signed is not None and seal["hmac_sha256"] != signed:
        raise ValueError("the bundle is not signed by the team's key")
    if json.loads(manifest)["files"]["advice.json"] != sha256(data).hexdigest():
        raise ValueError("the table was altered")


def _parsed(data: bytes) -> "dict[str, Any]":
    table = json.loads(data)
    if not isinstance(table, dict) or table.get("format") != 1:
        raise ValueError("not an advice table of format 1")
    return table


def advise(
    table: "Mapping[str, Any]",
    row: "Mapping[str, Any]",
    now_s: float,
    explore: float = 0.0,
) -> "dict[str, Any] | None":
    """Look up what the table says after this batch.

    Parameters
    ----------
    table : mapping
        A parsed `advice.json`; `toolkit.bundle.AdviceTable` writes and describes it.
    row : mapping
        A reduced `PostToolBatch`.
    now_s : float
        Seconds since 1970.
    explore : float
        Share, 0 to 1, of decisions that are drawn from the cell's supported sizes.

    Returns
    -------
    dict or None
        The decision, with `said` where it is confident enough to be said, or was drawn;
        `None` where the table has no answer for this context.

    Raises
    ------
    ValueError, TypeError, LookupError
        What the table holds for this context is not what a table may hold.
    """
    tools = table["tools"]
    kinds = [tools.get(call.get("tool"), ("other", 0)) for call in row["calls"]]
    if not kinds:
        return None
    names = {_word(kind[0], OPERATION_TYPES) for kind in kinds}
    operation_type = names.pop() if len(names) == 1 else "mixed"
    size = sum(call.get("todos", 1) for call in row["calls"])
    known = {
        "load": row.get("load"),
        "load_cpu": row.get("load_cpu"),
        "load_memory": row.get("load_memory"),
        "read_share": sum(bool(kind[1]) for kind in kinds) / len(kinds),
        "size": size,
    }
    bins = [_bin(known[_word(n, KNOWN)], edges) for n, edges in table["axes"][:8]]
    context = "|".join([operation_type, *bins])
    cell = table["cells"].get(context)
    if cell is None:
        return None
    cell = _checked(cell)
    decision = {
        "operation_type": operation_type,
        "context": context,
        "size": size,
        "recommended": cell["size"],
        "rule": cell["rule"],
        "policy": _name(cell.get("policy", table["policy"])),
        "policy_version": _name(table["policy_version"]),
        "propensity": cell["propensity"],
        "confidence": cell["confidence"],
        "reason": cell["reason"],
    }
    if now_s > _number(table.get("expires_at_s", now_s), -1e11, 1e11):
        decision["reason"] = "stale"
        return {name: value for name, value in decision.items() if value is not None}
    drawn = bool(explore) and _draw(decision, cell, explore)
    if decision["reason"] == "explored":
        decision["said"] = _trial(decision, explore)
    elif cell["confident"] and cell["size"] != size:
        decision["said"] = _sentence(decision, cell)
    elif drawn:
        # A draw that is not said cannot be followed: its chance would be no chance.
        decision["said"] = _usual(decision)
    return {name: value for name, value in decision.items() if value is not None}


def _checked(cell: "Mapping[str, Any]") -> "dict[str, Any]":
    """Take of a cell what may be used, each value within its bounds."""
    gain, confidence = cell.get("gain"), cell.get("confidence")
    return {
        "size": _size(cell["size"]),
        "rule": _size(cell["rule"]),
        "sizes": [_size(size) for size in cell.get("sizes", ())[: MAX_SIZE + 1]],
        "reason": _name(cell["reason"]),
        "confident": cell["confident"] is True,
        "policy": cell.get("policy"),
        "propensity": _number(cell.get("propensity", 1.0), 0, 1),
        "gain": None if gain is None else _number(gain, -1e6, 1),
        "confidence": None if confidence is None else _number(confidence, 0, 1),
    }


def _size(value: object) -> int:
    if type(value) is not int or not 1 <= value <= MAX_SIZE:
        raise ValueError("a batch size out of bounds")
    return value


def _number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("not a number")
    if not low <= value <= high:
        raise ValueError("a number out of bounds")
    return value


def _word(value: object, known: "Sequence[str] | frozenset[str]") -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError("a word that is not known")
    return value


def _name(value: object) -> str:
    """Accept a name of a policy, version or reason: it is recorded, never said."""
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise ValueError("not a name")
    if not value.isascii() or not all(c.isalnum() or c in "_.:+-" for c in value):
        raise ValueError("not a name")
    return value


def _bin(value: float | None, edges: "Sequence[float]") -> str:
    if value is None:
        return "-"
    return str(sum(value > _number(edge, -1e12, 1e12) for edge in edges[:64]))


def _draw(
    decision: "dict[str, Any]", cell: "Mapping[str, Any]", explore: float
) -> bool:
    """Draw a size now and then, and write down with what chance."""
    chosen = cell["size"]
    sizes = sorted({*cell["sizes"], chosen})
    if len(sizes) == 1:
        return False
    drawn = chosen
    if _chance() < explore:
        drawn = sizes[int(_chance() * len(sizes))]
        decision["reason"] = "explored"
    decision["recommended"] = drawn
    decision["policy"] += "+explore"
    chance = explore / len(sizes) + (1 - explore) * (drawn == chosen)
    decision["propensity"] = round(chance, 6)
    return True


def _chance() -> float:
    """Draw evenly from 0 to below 1; `random` would take longer to load than to use."""
    return (int.from_bytes(os.urandom(7), "big") >> 3) / 2**53


def _usual(decision: "Mapping[str, Any]") -> str:
    return (
        f"Batch size: about {decision['recommended']} {decision['operation_type']} "
        f"operations in one message (you sent {decision['size']}), as usual."
    )


def _trial(decision: "Mapping[str, Any]", explore: float) -> str:
    return (
        f"Batch size: about {decision['recommended']} {decision['operation_type']} "
        f"operations in one message (you sent {decision['size']}), to try it out: "
        f"{explore:.0%} of the sizes are drawn at random, so that history can tell."
    )


def _sentence(decision: "Mapping[str, Any]", cell: "Mapping[str, Any]") -> str:
    gain = cell["gain"]
    why = "" if gain is None else f", which took {gain:.0%} less time per operation"
    sure = decision["confidence"]
    return (
        f"Batch size: about {decision['recommended']} {decision['operation_type']} "
        f"operations in one message (you sent {decision['size']}){why} in this team's "
        f"history than the usual {decision['rule']}"
        f"{'' if sure is None else f'; {sure:.0%} sure'}."
    )
