"""The receiver: an address, the store behind it, and what has been done so far."""

import threading
from collections.abc import Callable, Mapping

from toolkit.capture.receiver.guard import Guard
from toolkit.capture.receiver.intake import Intake
from toolkit.capture.receiver.limits import Limits, ReceiverStatus, RefusedError
from toolkit.capture.receiver.routes import Route
from toolkit.capture.receiver.server import ExportServer
from toolkit.clock import Clock, SystemClock
from toolkit.history import RecordStore
from toolkit.history.importers.otlp import Reduced
from toolkit.records import Record, keyed_hash

__all__ = ["OtlpReceiver"]

STOP_WITHIN_S = 0.1
"""The server looks so often whether it is to stop."""


class OtlpReceiver:
    """Receives OTLP over HTTP, JSON and protobuf, on one address.

    Use it as a context manager; `join` (also done on leaving) turns the signals that
    have come so far into records. Joining again is harmless: a batch that has grown
    replaces its shorter copy.

    Parameters
    ----------
    store : RecordStore
    host : str
        Address to listen on; one that other machines can reach needs a token.
    port : int
        0 takes a free one.
    limits : Limits, optional
    token : str, optional
        Required in each request's `Authorization: Bearer` where it is given.
    clock : Clock, optional
    routes : mapping of str to Route, optional
        What is answered beside telemetry, by path.
    on_record : callable, optional
        Called with every record that is made, also when it is made again, fuller.

    Raises
    ------
    UsageError
        The address can be reached from other machines, and there is no token.
    """

    def __init__(
        self,
        store: RecordStore,
        *,
        host: str = "127.0.0.1",
        port: int = 4318,
        limits: Limits | None = None,
        token: str | None = None,
        clock: Clock | None = None,
        routes: Mapping[str, Route] | None = None,
        on_record: Callable[[Record], object] | None = None,
    ) -> None:
        self.store = store
        self.limits = limits or Limits()
        self.guard = Guard(host, token)
        self.clock = clock or SystemClock()
        self._key: bytes | None = None
        self.routes = dict(routes or {})
        self._intake = Intake(store, self.limits, self.clock, on_record)
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(ReceiverStatus.__dataclass_fields__, 0)
        self._server = ExportServer((host, port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_WITHIN_S,), daemon=True
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> "OtlpReceiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.drain()
        self.join()

    def status(self) -> ReceiverStatus:
        """Take a snapshot of the counts.

        Returns
        -------
        ReceiverStatus
        """
        with self._lock:
            return ReceiverStatus(**self._counts)

    def join(self) -> int:
        """Turn the signals received so far into records of the store.

        Returns
        -------
        int
            Records handed to the store, known ones included.
        """
        return self._intake.join()

    def hidden(self, name: str) -> str:
        """Hide a name with the store's key.

        Parameters
        ----------
        name : str

        Returns
        -------
        str
            As of `keyed_hash`.
        """
        if self._key is None:
            self._key = self.store.key
        return keyed_hash(self._key, name)

    def keep(self, reduced: Reduced) -> None:
        """Write down what a request says; when this returns it is on disk.

        Parameters
        ----------
        reduced : Reduced
            Names in it are hidden already.
        """
        signals, records = self._intake.keep(reduced)
        ignored = reduced.passed_over.total()
        self._count(requests=1, signals=signals, records=records, ignored=ignored)

    def refuse_while_full(self) -> None:
        """Refuse a request while too much waits to be joined.

        Raises
        ------
        RefusedError
            429, to be sent again.
        """
        if self.is_full:
            raise RefusedError(429, "too much waits to be joined", retry=True)

    @property
    def is_full(self) -> bool:
        """Whether too much waits to be joined: telemetry is refused until it is."""
        return self._intake.is_full()

    def count_refused(self) -> None:
        """Count a request that was refused."""
        self._count(refused=1)

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, value in more.items():
                self._counts[name] += value
