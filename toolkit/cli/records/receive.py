"""`toolkit records receive`: take OTLP over HTTP until interrupted."""

import argparse
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolkit.cli.output import print_json, print_note
from toolkit.cli.places import local

__all__ = ["add_verb"]

JOIN_EVERY_S = 10.0


def add_verb(verbs: Any) -> None:
    """Add the verb to `toolkit records`."""
    parser = verbs.add_parser(
        "receive", help="receive OTLP over HTTP (JSON and protobuf) on this machine"
    )
    parser.add_argument("--port", type=int, default=4318, help="default 4318; 0: any")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)"
    )
    parser.add_argument("--store", type=local, required=True, metavar="DIR")
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
        help="largest request as it is sent (default 32 MiB; twice as much inside)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(command=receive)


def receive(options: argparse.Namespace) -> int:
    """Receive until the time is over or it is interrupted."""
    from toolkit.capture.receiver import Limits, OtlpReceiver, is_loopback
    from toolkit.errors import UsageError
    from toolkit.history import RecordStore

    with RecordStore(options.store) as store:
        _ = (
            store.key
        )  # made now: a store that cannot be written is no store to receive in
        if options.max_body < 1:
            raise UsageError(
                f"`--max-body` must be at least 1 (got {options.max_body})"
            )
        token = _token(options.token_file)
        body_bytes = options.max_body * 2**20
        limits = Limits(body_bytes=body_bytes, content_bytes=2 * body_bytes)
        try:
            receiver = OtlpReceiver(
                store,
                host=options.host,
                port=options.port,
                limits=limits,
                token=token,
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
            print_note(f"receiving on http://{options.host}:{receiver.port}")
            _wait(receiver, options.seconds)
        status = asdict(receiver.status())
    if options.json:
        print_json(status)
    else:
        print_note(", ".join(f"{name} {count}" for name, count in status.items()))
    return 0


def _token(path: Path | None) -> str | None:
    from toolkit.errors import UsageError
    from toolkit.records import read_given

    if path is None:
        return None
    words = read_given(path).decode("utf-8").split()
    if len(words) != 1:
        raise UsageError(f"`{path}` must hold one word, the token")
    return words[0]


def _wait(receiver: Any, seconds: float | None) -> None:
    """Join what has come every few seconds, until the time is over."""
    from time import monotonic

    ending = threading.Event()
    until_s = None if seconds is None else monotonic() + seconds
    try:
        while until_s is None or monotonic() < until_s:
            left_s = JOIN_EVERY_S if until_s is None else until_s - monotonic()
            ending.wait(max(0.0, min(JOIN_EVERY_S, left_s)))
            receiver.join()
    except KeyboardInterrupt:
        print_note("interrupted; what was acknowledged is kept")
