"""OTLP in protobuf, read one span or event at a time.

The three outer levels have the same form in all signals and are walked here, so that
memory holds one entry and not the whole request, whatever a sender packs into it.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from toolkit.capture.receiver.limits import RefusedError
from toolkit.errors import MissingExtraError
from toolkit.history.importers.otlp import OtlpEntry
from toolkit.records import attributes_of

__all__ = ["SERVICES", "Service", "answer", "entries_of"]

LENGTH_DELIMITED = 2
SKIPPED = {0: None, 1: 8, 5: 4}
"""Wire types without a length, and how many bytes follow; a varint ends by itself."""


class Service(NamedTuple):
    """One signal of OTLP, as protobuf and the answers to it name it.

    Attributes
    ----------
    signal : str
        `span`, `event` or `metric`.
    module, service, entry : str
        Names in `opentelemetry.proto`.
    rejected : str
        Field of the answer that counts what was refused.
    """

    signal: str
    module: str
    service: str
    entry: str
    rejected: str


SERVICES = {
    "traces": Service("span", "trace", "ExportTraceService", "Span", "rejectedSpans"),
    "logs": Service(
        "event", "logs", "ExportLogsService", "LogRecord", "rejectedLogRecords"
    ),
    "metrics": Service(
        "metric", "metrics", "ExportMetricsService", "Metric", "rejectedDataPoints"
    ),
}
"""By the last part of the path."""


def entries_of(content: bytes, service: Service, most: int) -> Iterator[OtlpEntry]:
    """List the entries of an export.

    Parameters
    ----------
    content : bytes
    service : Service
    most : int
        Most fields that are walked through.

    Raises
    ------
    RefusedError
        400 where it is not such an export, 413 where it has more fields.
    MissingExtraError
        The `telemetry` extra is not installed.
    """
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError

    read_entry = _message(service.module, service.entry)
    read_resource = _message("resource", "Resource")
    read_scope = _message("common", "InstrumentationScope")
    budget = [most]

    def parsed(make: Callable[[], Any], part: memoryview) -> dict[str, Any]:
        message = make()
        message.ParseFromString(bytes(part))
        row: dict[str, Any] = MessageToDict(message)
        return row

    try:
        for resource in _parts(memoryview(content), 1, budget):
            held = [parsed(read_resource, part) for part in _parts(resource, 1, budget)]
            shared: Mapping[str, Any] = (
                attributes_of(held[-1].get("attributes")) if held else {}
            )
            for scope in _parts(resource, 2, budget):
                named = [parsed(read_scope, part) for part in _parts(scope, 1, budget)]
                name = str(named[-1].get("name", "")) if named else ""
                for part in _parts(scope, 2, budget):
                    yield OtlpEntry(
                        service.signal, shared, name, parsed(read_entry, part)
                    )
    except (DecodeError, ValueError, RecursionError, IndexError) as error:
        raise RefusedError(400, "not an OTLP export in protobuf") from error


def answer(service: Service, partial: Mapping[str, Any]) -> bytes:
    """Write the answer to an export."""
    from google.protobuf.json_format import ParseDict

    path = f"collector.{service.module}.v1.{service.module}_service_pb2"
    message = ParseDict(dict(partial), _load(path, f"{service.service}Response")())
    return bytes(message.SerializeToString())


def _parts(view: memoryview, wanted: int, budget: list[int]) -> Iterator[memoryview]:
    """List the values of one field of a message; other fields are skipped."""
    at = 0
    while at < len(view):
        budget[0] -= 1
        if budget[0] < 0:
            raise RefusedError(413, "more fields than one request may have")
        tag, at = _varint(view, at)
        kind = tag & 7
        if kind == LENGTH_DELIMITED:
            size, at = _varint(view, at)
            if at + size > len(view):
                raise ValueError("a field longer than its message")
            if tag >> 3 == wanted:
                yield view[at : at + size]
            at += size
        elif kind not in SKIPPED:
            raise ValueError("an unknown wire type")
        elif (size_or_none := SKIPPED[kind]) is None:
            _, at = _varint(view, at)
        else:
            at += size_or_none


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number of more than 64 bits")


def _message(module: str, name: str) -> Callable[[], Any]:
    return _load(f"{module}.v1.{module}_pb2", name)


def _load(path: str, name: str) -> Callable[[], Any]:
    try:
        found = import_module(f"opentelemetry.proto.{path}")
    except ImportError as error:
        raise MissingExtraError("protobuf over OTLP/HTTP", "telemetry") from error
    made: Callable[[], Any] = getattr(found, name)
    return made
