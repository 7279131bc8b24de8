"""The pool's activity as records: what was observed today is tomorrow's history."""

import datetime as dt
from collections.abc import Iterator

from toolkit.records import CoordinationEvent, Outcome, Provenance, record_id
from toolkit.testing.pool.local_pool import LocalAgentPool

__all__ = ["ActivityRecords"]

SOURCE = "toolkit.pool"

ACTIONS = {"start": "read", "step": "message", "finish": "write", "wait": "message"}
"""What the others could see of an activity; what is not listed is a message."""

OUTCOMES = {
    "finish": Outcome.SUCCEEDED,
    "refused": Outcome.CANCELLED,
    "drop": Outcome.CANCELLED,
    "fail": Outcome.FAILED,
}


class ActivityRecords:
    """Turns what agents did into coordination records, each activity once.

    Parameters
    ----------
    pool : LocalAgentPool
    start : datetime
        Wall time at second 0 of the pool's clock.
    """

    def __init__(self, pool: LocalAgentPool, *, start: dt.datetime) -> None:
        self._pool = pool
        self._start = start
        self._seq = 0

    def read(self) -> Iterator[CoordinationEvent]:
        """Read what is new.

        Yields
        ------
        CoordinationEvent
            In the order they happened.
        """
        rows = self._pool.ledger.rows(
            "SELECT * FROM activity WHERE seq>? ORDER BY seq",
            (self._seq,),
        )
        for row in rows:
            self._seq = row["seq"]
            yield CoordinationEvent(
                record_id=record_id(SOURCE, self._pool.directory.name, str(row["seq"])),
                at=self._start + dt.timedelta(seconds=row["at_s"]),
                source=SOURCE,
                provenance=Provenance.MEASURED,
                agent_id=row["agent"],
                operation=row["operation"] or row["kind"],
                action=ACTIONS.get(row["kind"], "message"),
                memory_key=row["task"] if row["kind"] == "finish" else None,
                outcome=OUTCOMES.get(row["kind"], Outcome.UNKNOWN),
                duration_s=row["gap_s"],
            )
