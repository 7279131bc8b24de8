"""What the commands that listen on an address have in common."""

import argparse
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_note
from toolkit.cli.places import local

if TYPE_CHECKING:
    from toolkit.capture.receiver import OtlpReceiver, Route
    from toolkit.history import RecordStore
    from toolkit.records import Record

__all__ = ["add_address_options", "listening", "wait_for_end"]

JOIN_EVERY_S = 10.0
ENDING = (signal.SIGTERM, signal.SIGINT)


def add_address_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of an address, of who may send to it, and for how long."""
    parser.add_argument("--port", type=int, default=4318, help="default 4318; 0: any")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="stop after so long (default: never)"
    )
    parser.add_argument(
        "--token-file",
        type=local,
        metavar="FILE",
        help="ask every sender for the token in this file (Authorization: Bearer); "
        "needed with a `--host` that other machines can reach",
    )
    parser.add_argument(
        "--max-body",
        type=int,
        default=32,
        metavar="MIB",
        help="largest request as it is sent (default: 32 MiB; twice as much inside)",
    )
    add_json_option(parser)


@contextmanager
def listening(
    options: argparse.Namespace,
    store: "RecordStore",
    *,
    routes: "Mapping[str, Route] | None" = None,
    on_record: "Callable[[Record], object] | None" = None,
) -> "Iterator[OtlpReceiver]":
    """Listen on the address of the options until the block is left.

    Parameters
    ----------
    options : argparse.Namespace
        With the options of `add_address_options`.
    store : RecordStore
    routes, on_record
        As `OtlpReceiver` has them.

    Raises
    ------
    UsageError
        The address is taken, or can be reached from other machines without a token.
    """
    from toolkit.capture.receiver import Limits, OtlpReceiver, is_loopback
    from toolkit.errors import UsageError

    _ = store.key  # made now: a store that cannot be written is none to receive in
    if options.max_body < 1:
        raise UsageError(f"`--max-body` must be at least 1 (got {options.max_body})")
    body_bytes = options.max_body * 2**20
    token = _token(options.token_file)
    try:
        receiver = OtlpReceiver(
            store,
            host=options.host,
            port=options.port,
            limits=Limits(body_bytes=body_bytes, content_bytes=2 * body_bytes),
            token=token,
            routes=routes,
            on_record=on_record,
        )
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen on {options.host}:{options.port} ({error}); "
            "give another `--port`, or 0 for any"
        ) from error
    with receiver:
        if not is_loopback(options.host):
            print_note(
                "warning: other machines can send to this address, and what they "
                "send, the token too, is not encrypted on its way"
            )
        yield receiver


def wait_for_end(each: Callable[[], object], seconds: float | None) -> None:
    """Do something every few seconds until the time is over or a signal ends the wait.

    SIGTERM and SIGINT end it alike, so that what was acknowledged is still joined.

    Parameters
    ----------
    each : callable
    seconds : float, optional
    """
    from time import monotonic

    ending = threading.Event()
    caught: list[int] = []

    def end(number: int, _: Any) -> None:
        caught.append(number)
        ending.set()

    before = {number: signal.signal(number, end) for number in ENDING}
    until_s = None if seconds is None else monotonic() + seconds
    try:
        while not ending.is_set() and (until_s is None or monotonic() < until_s):
            left_s = JOIN_EVERY_S if until_s is None else until_s - monotonic()
            ending.wait(max(0.0, min(JOIN_EVERY_S, left_s)))
            each()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught:
        print_note("ending; what was acknowledged is kept and joined")


def _token(path: Path | None) -> str | None:
    from toolkit.errors import UsageError
    from toolkit.records import read_given

    if path is None:
        return None
    words = read_given(path).split()
    if len(words) != 1 or not words[0].isascii():
        raise UsageError(f"`{path}` must hold one word of ASCII, the token")
    return words[0].decode("ascii")
