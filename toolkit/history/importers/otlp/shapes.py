"""The forms in which exporters, collectors and trace stores write one OTLP document.

The specification has one form; files in the wild have several. All of these are read:
lowerCamelCase and snake_case names, a document or a list of documents, Tempo's
`batches` and `trace`, the names from before version 1.0 (`instrumentationLibrarySpans`),
and a resource that stands alone, as the Java logging exporter writes it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from toolkit.errors import InputDataError
from toolkit.records import attributes_of

__all__ = ["OtlpEntry", "entries"]

LEVELS = {
    "span": (
        ("resourceSpans", "batches"),
        ("scopeSpans", "instrumentationLibrarySpans", "ilSpans"),
        "spans",
    ),
    "event": (
        ("resourceLogs",),
        ("scopeLogs", "instrumentationLibraryLogs"),
        "logRecords",
    ),
    "metric": (
        ("resourceMetrics",),
        ("scopeMetrics", "instrumentationLibraryMetrics"),
        "metrics",
    ),
}
"""Names of the three levels of a document, by signal; the first name is today's."""

WRAPPERS = ("trace", "traces", "data")
"""Names that stores wrap a document in."""

MAX_DEPTH = 50
"""Deepest nesting whose names are translated; no exporter writes a deeper one."""


class OtlpEntry(NamedTuple):
    """One span, event or metric, with what its resource and scope say about it.

    Attributes
    ----------
    signal : str
        `span`, `event` or `metric`.
    resource : dict
        Attributes of the resource.
    scope : str
        Name of the instrumentation scope, or the empty string.
    row : dict
        The entry in lowerCamelCase.
    """

    signal: str
    resource: Mapping[str, Any]
    scope: str
    row: dict[str, Any]


def entries(document: object) -> Iterator[OtlpEntry]:
    """List the spans, events and metrics of a document.

    Parameters
    ----------
    document : object
        Parsed JSON, in any form that the module names.

    Raises
    ------
    InputDataError
        It is not an OTLP document.

    Examples
    --------
    >>> spans = {"scope_spans": [{"spans": [{"span_id": "1"}]}]}
    >>> [entry.row for entry in entries({"resource_spans": [spans]})]
    [{'spanId': '1'}]
    """
    documents = document if isinstance(document, list) else [document]
    if not documents:
        raise InputDataError("not an OTLP document", fix="the list is empty")
    for one in documents:
        yield from _entries(_plain(one))


def _entries(document: Mapping[str, Any]) -> Iterator[OtlpEntry]:
    known = False
    for signal, (outer, middle, inner) in LEVELS.items():
        resources = _named(document, outer)
        if resources is None and _named(document, middle) is not None:
            resources = [document]
        if resources is None:
            continue
        known = True
        for resource in _objects(resources):
            held = resource.get("resource")
            shared = _attributes(held)
            for scope in _objects(_named(resource, middle)):
                name = _scope_name(scope)
                for row in _objects(scope.get(inner)):
                    yield OtlpEntry(signal, shared, name, row)
    if not known:
        raise InputDataError(
            "not an OTLP document",
            fix="one of resourceSpans, resourceLogs, resourceMetrics must be there",
        )


def _plain(document: object) -> Mapping[str, Any]:
    """Unwrap a document, and translate its names if they are written in snake_case."""
    if not isinstance(document, dict):
        raise InputDataError("not an OTLP document", fix="write one JSON object")
    for name in WRAPPERS:
        inner = document.get(name)
        if isinstance(inner, dict) and len(document) == 1:
            return _plain(inner)
    if any("_" in name for name in document):
        translated = _camel(document, MAX_DEPTH)
        return translated if isinstance(translated, dict) else {}
    return document


def _camel(value: object, depth: int) -> object:
    if isinstance(value, list):
        return [_camel(entry, depth - 1) for entry in value] if depth else []
    if not isinstance(value, dict):
        return value
    if not depth:
        return {}
    return {_camel_name(key): _camel(inner, depth - 1) for key, inner in value.items()}


def _camel_name(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _named(row: Mapping[str, Any], names: tuple[str, ...]) -> object:
    for name in names:
        if name in row:
            return row[name]
    return None


def _attributes(holder: object) -> dict[str, Any]:
    return attributes_of(holder.get("attributes")) if isinstance(holder, dict) else {}


def _scope_name(scope: Mapping[str, Any]) -> str:
    held = _named(scope, ("scope", "instrumentationLibrary"))
    name = held.get("name") if isinstance(held, dict) else None
    return name if isinstance(name, str) else ""


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """List the objects of a level; one that stands alone is refused, not passed over."""
    if isinstance(value, list):
        yield from (entry for entry in value if isinstance(entry, dict))
    elif value is not None:
        raise InputDataError(
            "not an OTLP document",
            fix="resources, scopes, spans and the like must be lists",
        )
