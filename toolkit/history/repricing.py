"""Prices the turns of a store again, from their tokens, with the prices at hand.

Tokens and the price basis are kept, so money can be computed again when a price list was
corrected or a model became known. Each turn is priced by the day of its reply. What a
client recorded (`declared_usd`) is never touched.
"""

import json
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

from toolkit.history.compaction import compact_store
from toolkit.history.engine import connect
from toolkit.history.prices import Money, PriceBook
from toolkit.history.store import RecordStore
from toolkit.history.version import require_store

__all__ = ["Repricing", "reprice_store"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROWS = 10_000

Progress = Callable[[float, float, str], None]

WRITTEN = ("money_usd", "price_basis", "price_date")
"""Columns of a turn that are written again."""

KEYS = ("record_id", "input_tokens", "output_tokens")
"""What a turn must still be for its new price to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repricing:
    """What pricing a store again did, or would do.

    Attributes
    ----------
    basis : str
        The prices that were asked.
    turns, priced, changed : int
        Turns in the store, those with a price now, and those whose money or basis is
        another than before.
    before_usd, after_usd : float
        Sums of what was priced.
    unpriced : dict of str to int
        Turns without a price by model, most frequent first.
    written : bool
        Whether the store was changed.
    """

    basis: str
    turns: int
    priced: int
    changed: int
    before_usd: float
    after_usd: float
    unpriced: dict[str, int] = field(default_factory=dict)
    written: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON types."""
        return asdict(self)


class _Turn(NamedTuple):
    """What is read of a turn; its names are those of its columns."""

    record_id: str
    at_us: int
    model: str | None
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_5m_tokens: int | None
    cache_write_1h_tokens: int | None
    output_tokens: int | None
    money_usd: float | None
    price_basis: str | None
    price_date: str | None


def reprice_store(
    root: Path,
    book: PriceBook,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Repricing:
    """Price every turn of a store again.

    The store is compacted first. Where this dies, the store is as it was.

    Parameters
    ----------
    root : path
    book : PriceBook
    dry_run : bool
        Count only.
    progress : callable, optional
        Called with how many of how many turns are done.

    Returns
    -------
    Repricing

    Raises
    ------
    InputDataError
        There is no such store, or a newer version wrote it.
    StorageError
        The store cannot be written.
    """
    require_store(root)
    with RecordStore(root) as store:
        if not dry_run:
            compact_store(store)
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as found:
            counted = _price(store, book, found, progress or _silent)
            found.flush()
            if counted.changed and not dry_run:
                store.amend("turn", Path(found.name), keys=KEYS, columns=WRITTEN)
    return counted if dry_run else _written(counted)


def _silent(done: float, of: float, what: str) -> None:
    """Show nothing."""


def _written(counted: Repricing) -> Repricing:
    return Repricing(**{**counted.to_json(), "written": True})


def _price(
    store: RecordStore, book: PriceBook, changes: IO[str], progress: Progress
) -> Repricing:
    """Price every turn, and write those that change as JSON lines."""
    turns = priced = changed = 0
    before: list[float] = []
    after: list[float] = []
    unpriced: Counter[str] = Counter()
    for total, turn in _turns(store):
        if turns % ROWS == 0:
            progress(turns, total, "pricing")
        turns += 1
        found = book.price(turn.model, EPOCH + timedelta(microseconds=turn.at_us), turn)
        known = isinstance(found, Money)
        money = found.usd if isinstance(found, Money) else None
        day = found.day if isinstance(found, Money) else None
        if turn.money_usd is not None:
            before.append(turn.money_usd)
        if money is None:
            unpriced[turn.model or "unknown"] += 1
        else:
            after.append(money)
        priced += known
        if (money, found.basis, day) != turn[-3:]:
            changed += 1
            row = {key: getattr(turn, key) for key in KEYS}
            row |= dict(zip(WRITTEN, (money, found.basis, day), strict=True))
            changes.write(json.dumps(row) + "\n")
    return Repricing(
        basis=book.basis,
        turns=turns,
        priced=priced,
        changed=changed,
        before_usd=math.fsum(before),
        after_usd=math.fsum(after),
        unpriced=dict(unpriced.most_common()),
    )


def _turns(store: RecordStore) -> Iterator[tuple[int, _Turn]]:
    """Read what the price of each turn depends on, with the number of all."""
    columns = ", ".join(
        'epoch_us("at")' if name == "at_us" else f'"{name}"' for name in _Turn._fields
    )
    with store.dataset.snapshot() as snapshot, connect() as connection:
        view = snapshot.attach(connection, "turn")
        counted = connection.execute(f"SELECT count(*) FROM {view}").fetchone()  # noqa: S608 - a view of ours
        total = int(counted[0]) if counted else 0
        cursor = connection.execute(f"SELECT {columns} FROM {view}")  # noqa: S608 - names of ours
        while rows := cursor.fetchmany(ROWS):
            for row in rows:
                yield total, _Turn(*row)
