"""Records as OpenTelemetry spans and back, in the JSON form of OTLP.

One record is one span. Names of the GenAI conventions are used where they say the same
(conversation, agent, model); there are none for batches, coordination or policies, so
those are ours: `swarm.*`. What is written is read back equal, field by field.

Pure: nothing here opens a file or a socket.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from toolkit.errors import SchemaError
from toolkit.records.schema import KINDS, Record

__all__ = [
    "attributes_of",
    "attributes_of_record",
    "duration_of_record",
    "record_of_span",
    "records_to_otlp",
    "span_id",
    "span_name",
    "span_of_record",
    "span_parts",
    "to_attributes",
]

KIND = "swarm.record.kind"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DEPTH = 20
"""Deepest nesting of an attribute's value that is read; deeper is left out."""

DURATIONS = ("cycle_s", "makespan_s", "duration_s")
"""Which field of a record tells how long its span lasted, the first known one."""

SHARED_NAMES = {
    "session_id": "gen_ai.conversation.id",
    "agent_id": "gen_ai.agent.id",
    "model": "gen_ai.request.model",
    "policy": "swarm.policy.name",
    "policy_version": "swarm.policy.version",
    "propensity": "swarm.policy.propensity",
    "record_id": "swarm.record.id",
    "source": "swarm.record.source",
    "source_version": "swarm.record.source_version",
    "provenance": "swarm.record.provenance",
}
"""Fields whose attribute has the same name whatever the kind of record."""

_FIELDS = {name: field for field, name in SHARED_NAMES.items()}


def span_of_record(record: Record) -> dict[str, Any]:
    """Write a record as one span.

    Returns
    -------
    dict
        An OTLP/JSON span: lowerCamelCase, hexadecimal ids, 64-bit numbers as strings.

    Examples
    --------
    >>> from toolkit.records import LoadSample, Provenance
    >>> sample = LoadSample(
    ...     record_id="x",
    ...     at=datetime(2026, 1, 5, tzinfo=UTC),
    ...     source="doc",
    ...     provenance=Provenance.MEASURED,
    ...     host="h",
    ...     cpu=0.5,
    ... )
    >>> span = span_of_record(sample)
    >>> span["name"], record_of_span(span) == sample
    ('swarm.load', True)
    """
    row = record.to_json()
    attributes = attributes_of_record(record)
    start = (record.at - EPOCH) // timedelta(microseconds=1) * 1000
    duration_s = duration_of_record(record)
    # Beyond 64 bits a collector refuses the whole request; the attribute stays exact.
    end = min(start + round(duration_s * 1e9), 2**63 - 1)
    return {
        "traceId": _hex_id(str(row.get("session_id", record.record_id)), 16),
        "spanId": _hex_id(f"{record.kind}:{record.record_id}", 8),
        "name": span_name(record),
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": to_attributes(attributes),
        "status": {},
    }


def span_parts(record: Record) -> tuple[str, dict[str, Any], float]:
    """Describe the span of a record.

    Parameters
    ----------
    record : Record

    Returns
    -------
    name : str
        By the GenAI conventions where they have one.
    attributes : dict
        The record's fields, which `record_of_span` reads back.
    duration_s : float
        Its first known duration, else 0.
    """
    return span_name(record), attributes_of_record(record), duration_of_record(record)


def attributes_of_record(record: Record) -> dict[str, Any]:
    """Write a record's fields as attributes; `record_of_span` reads them back.

    Parameters
    ----------
    record : Record

    Returns
    -------
    dict
        Text, numbers and flags by attribute name; a mapping's entries stand one by one
        under the name of its field. What is not known is left out.
    """
    attributes: dict[str, Any] = {KIND: record.kind}
    for field, value in record.to_json().items():
        if field in ("kind", "at") or value is None:
            continue
        name = _attribute_name(record.kind, field)
        if isinstance(value, Mapping):
            attributes |= {f"{name}.{key}": entry for key, entry in value.items()}
        else:
            attributes[name] = value
    return attributes


def duration_of_record(record: Record) -> float:
    """Seconds that a record's span lasts: its first known duration, else 0.

    Parameters
    ----------
    record : Record

    Returns
    -------
    float
        Seconds, at least 0.
    """
    known = (getattr(record, name, None) for name in DURATIONS)
    return next((float(value) for value in known if value is not None), 0.0)


def span_name(record: Record) -> str:
    """Name the span of a record, by the GenAI conventions where they have a name.

    Parameters
    ----------
    record : Record

    Returns
    -------
    str

    Examples
    --------
    >>> from toolkit.records import LoadSample, Provenance
    >>> at = datetime(2026, 1, 5, tzinfo=UTC)
    >>> measured = Provenance.MEASURED
    >>> span_name(
    ...     LoadSample(record_id="x", at=at, source="d", provenance=measured, host="h")
    ... )
    'swarm.load'
    """
    if record.kind == "coordination":
        return f"execute_tool {getattr(record, 'operation', 'unknown')}"
    if record.kind == "workflow":
        return f"invoke_workflow {getattr(record, 'strategy', None) or 'workflow'}"
    return f"swarm.{record.kind}"


def record_of_span(span: Mapping[str, Any]) -> Record | None:
    """Read a record back from its span; `None` for a span that is none of ours.

    Parameters
    ----------
    span : mapping
        OTLP's JSON form of a span.

    Returns
    -------
    Record or None

    Raises
    ------
    SchemaError
        A span of ours that breaks the schema of its kind.
    """
    attributes = attributes_of(span.get("attributes"))
    kind = attributes.pop(KIND, None)
    if kind is None:
        return None
    if kind not in KINDS:
        raise SchemaError(
            "unknown kind of record",
            field=KIND,
            got=kind,
            fix=f"known: {', '.join(KINDS)}",
        )
    row: dict[str, Any] = {}
    for name, value in attributes.items():
        field = _FIELDS.get(name) or name.removeprefix(f"swarm.{kind}.")
        if name not in _FIELDS and field == name:
            continue
        head, dot, key = field.partition(".")
        if dot:
            row.setdefault(head, {})[key] = value
        else:
            row[field] = value
    row["at"] = _time(span.get("startTimeUnixNano"))
    return KINDS[kind].from_json(row)


def records_to_otlp(records: Iterable[Record]) -> dict[str, Any]:
    """Write records as one `TracesData` document, a line of an OTLP/JSON file."""
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": to_attributes({"service.name": "workflow-toolkit"})
                },
                "scopeSpans": [
                    {
                        "scope": {"name": "toolkit.records"},
                        "spans": [span_of_record(record) for record in records],
                    }
                ],
            }
        ]
    }


def to_attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write a mapping as OTLP attributes.

    Examples
    --------
    >>> to_attributes({"swarm.batch.size": 3})
    [{'key': 'swarm.batch.size', 'value': {'intValue': '3'}}]
    """
    return [{"key": key, "value": _any_value(value)} for key, value in values.items()]


def attributes_of(attributes: object) -> dict[str, Any]:
    """Read OTLP attributes, leaving out what is malformed or nested too deeply.

    Parameters
    ----------
    attributes : object
        A list of `{"key": ..., "value": {...}}`, as OTLP's JSON has it.

    Returns
    -------
    dict
        Values by name; the last of a repeated name.

    Examples
    --------
    >>> attributes_of([{"key": "a", "value": {"intValue": "7"}}, {"key": 1}])
    {'a': 7}
    """
    known = {}
    for key, value in _pairs(attributes):
        read = _read_value(value, MAX_DEPTH)
        if read is not None:
            known[key] = read
    return known


def span_id(value: object, *, size: int) -> str | None:
    """Read an id written in hexadecimal, or in base64 as some senders do.

    Parameters
    ----------
    value : object
    size : int
        Bytes of such an id: 16 for a trace, 8 for a span.

    Returns
    -------
    str or None
        Lower-case hexadecimal digits; `None` for what is no such id.

    Examples
    --------
    >>> span_id("AAAAAAAAAAE=", size=8)
    '0000000000000001'
    >>> span_id("00f067aa0ba902b7", size=8)
    '00f067aa0ba902b7'
    """
    if not isinstance(value, str) or not value:
        return None
    try:
        if len(value) == 2 * size:
            return bytes.fromhex(value).hex()
        raw = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw.hex() if len(raw) == size else None


def _attribute_name(kind: str, field: str) -> str:
    return SHARED_NAMES.get(field, f"swarm.{kind}.{field}")


def _hex_id(text: str, size: int) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def _time(value: object) -> datetime:
    try:
        nanoseconds = int(value)  # type: ignore[call-overload]  # checked by trying
        return EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except (TypeError, ValueError, OverflowError) as error:
        raise SchemaError("not a time", field="startTimeUnixNano") from error


def _any_value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}


def _pairs(attributes: object) -> Iterator[tuple[str, object]]:
    if not isinstance(attributes, list):
        return
    for entry in attributes:
        if isinstance(entry, dict) and isinstance(entry.get("key"), str):
            yield entry["key"], entry.get("value")


def _read_value(value: object, depth: int) -> Any:
    if not isinstance(value, dict) or depth == 0:
        return None
    if isinstance(value.get("stringValue"), str):
        return value["stringValue"]
    if isinstance(value.get("boolValue"), bool):
        return value["boolValue"]
    if "intValue" in value:
        return _whole(value["intValue"])
    if "doubleValue" in value:
        return _double(value["doubleValue"])
    if isinstance(array := value.get("arrayValue"), dict):
        values = array.get("values")
        listed = values if isinstance(values, list) else []
        return [_read_value(entry, depth - 1) for entry in listed]
    if isinstance(pairs := value.get("kvlistValue"), dict):
        return {
            key: _read_value(inner, depth - 1)
            for key, inner in _pairs(pairs.get("values"))
        }
    return None


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def _double(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
