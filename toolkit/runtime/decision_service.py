"""Decisions for programs elsewhere: a JSON document in, a JSON document out."""

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.errors import SchemaError, UsageError
from toolkit.policies import Value
from toolkit.records import Record
from toolkit.runtime.advice.advisor import FALLBACKS
from toolkit.runtime.advisor import Advice, Advisor

__all__ = ["DecisionService"]

KEPT = 10_000
"""Decisions whose outcome may still be reported; a later one drops the oldest."""

MOST_FACTS = 64


class DecisionService:
    """Answers questions, and records what the answers cost.

    Thread-safe: an advisor is asked by one thread at a time.

    Parameters
    ----------
    advisors : sequence of Advisor
        One for each decision that can be asked for.
    keep : callable
        Takes the record of an outcome; when it returns, the record is on disk.

    Examples
    --------
    >>> service = DecisionService([Advisor()], keep=print)
    >>> answer = service.decide(
    ...     "batch_size",
    ...     b'{"context": {"operation_type": "fileOperations", "load_cpu": 0.9}}',
    ... )
    >>> answer["action"], answer["rule"], answer["reason"]["code"]
    (6, 6, 'high_load')
    """

    def __init__(
        self, advisors: Sequence[Advisor], *, keep: Callable[[Record], object]
    ) -> None:
        self.advisors = {advisor.decision: advisor for advisor in advisors}
        self.fallbacks: Counter[str] = Counter()
        """Decisions that the rule took in a bundle's place, by reason."""
        self._keep = keep
        self._given: OrderedDict[str, Advice] = OrderedDict()
        self._locks = {decision: threading.Lock() for decision in self.advisors}
        self._lock = threading.Lock()

    def decide(self, decision: str, body: bytes) -> dict[str, Any]:
        """Take a decision.

        Parameters
        ----------
        decision : str
            `batch_size` or `agent_count`.
        body : bytes
            A JSON object whose `context` holds what is known, by column.

        Returns
        -------
        dict
            `id`, `action`, `rule`, `rung`, `interval`, `propensity`, `reason` and the
            policy with its version.

        Raises
        ------
        SchemaError
            The body is no such object.
        UsageError
            No such decision, or no such column.
        """
        context = _context(_document(body).get("context", {}))
        advisor = self._advisor(decision)
        with self._locks[decision]:
            advice = advisor.decide(**context)
        with self._lock:
            if advice.reason.code in FALLBACKS:
                self.fallbacks[advice.reason.code] += 1
            self._given[advice.record_id] = advice
            if len(self._given) > KEPT:
                self._given.popitem(last=False)
        return _answer(advice)

    def report(self, body: bytes) -> dict[str, Any]:
        """Record what came of a decision; the next ones learn from it.

        Parameters
        ----------
        body : bytes
            A JSON object with the decision's `id`, and in `measured` the fields of its
            record: `cycle_s`, `succeeded`, `failed`, `makespan_s`, ...

        Returns
        -------
        dict
            The id of the `record` that is now on disk.

        Raises
        ------
        SchemaError
            The body is no such object, or a value is outside what its field can be.
        UsageError
            No such decision was taken, or its outcome is known; no such field.
        """
        document = _document(body)
        name, measured = document.get("id"), document.get("measured")
        if not isinstance(name, str) or not isinstance(measured, dict):
            raise SchemaError(
                "an outcome needs `id`, a text, and `measured`, an object"
            )
        with self._lock:
            advice = self._given.get(name)
        if advice is None:
            raise UsageError(
                "no such decision waits for its outcome; it was reported before, or "
                f"{KEPT:,} others were taken since, or the process was started again"
            )
        record = advice.outcome(**measured)
        self._keep(record)
        with self._lock:
            known = self._given.pop(name, None)
        if known is not None:  # a report that came twice at once is one
            with self._locks[advice.decision]:
                self._advisor(advice.decision).observe(advice, **measured)
        return {"record": record.record_id}

    def _advisor(self, decision: str) -> Advisor:
        advisor = self.advisors.get(decision)
        if advisor is None:
            raise UsageError.unknown("decision", decision, sorted(self.advisors))
        return advisor


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SchemaError("the body is no JSON") from error
    if not isinstance(document, dict):
        raise SchemaError("the body must be a JSON object")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(name)  # NaN and the infinities are no JSON


def _context(given: Any) -> dict[str, Value]:
    if not isinstance(given, dict) or len(given) > MOST_FACTS:
        raise SchemaError(
            f"`context` must be an object of at most {MOST_FACTS} columns"
        )
    for name, value in given.items():
        if value is not None and not isinstance(value, str | int | float | bool):
            raise SchemaError(
                f"column `{name}` of `context` must be a number or a text"
            )
    return given


def _answer(advice: Advice) -> dict[str, Any]:
    reason: Mapping[str, Any] = {
        "code": advice.reason.code,
        "facts": dict(advice.reason.facts),
        "text": str(advice.reason),
    }
    return {
        "id": advice.record_id,
        "decision": advice.decision,
        "action": advice.action,
        "rule": advice.rule,
        "rung": advice.rung,
        "interval": advice.interval,
        "propensity": advice.propensity,
        "reason": reason,
        "policy": advice.policy,
        "policy_version": advice.policy_version,
    }
