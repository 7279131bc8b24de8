"""One decision for one batch, however many copies of our hook are fired for it.

Two scopes with our hooks, or a session in the home folder, start two processes for each
event, at the same moment. The first that notes a batch decides; the other stays silent.
Standard library only, as the handler that imports it.
"""

import fcntl
import json
import os
from hashlib import blake2b
from pathlib import Path

__all__ = ["claim", "forget"]

DRAWN_NS = 60_000_000_000
COUNTED_NS = 2_000_000_000
"""How long a batch is the same one by the id of its first call: for ids that a provider
drew at random, and for ids that a model counts and gives to its next batch again."""

MAX_BYTES = 65536


def claim(folder: Path, session: str, agent: str, batch: str, at_ns: int) -> bool:
    """Note that a batch is being decided.

    Parameters
    ----------
    folder : path
        The hook folder of the store.
    session, agent : str
    batch : str
        Id of its first call.
    at_ns : int
        When its event was received, nanoseconds since 1970.

    Returns
    -------
    bool
        False where another process has noted it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(_path(folder, session), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        noted = _read(descriptor)
        before = noted.get(agent)
        window_ns = DRAWN_NS if batch.startswith("toolu_") else COUNTED_NS
        if isinstance(before, list) and before[:1] == [batch]:
            last_ns = before[-1]
            if isinstance(last_ns, int) and abs(at_ns - last_ns) < window_ns:
                return False
        data = json.dumps({**noted, agent: [batch, at_ns]}).encode()
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
        return True
    finally:
        os.close(descriptor)


def forget(folder: Path, session: str) -> None:
    """Remove what was noted for a session that is over."""
    _path(folder, session).unlink(missing_ok=True)


def _path(folder: Path, session: str) -> Path:
    name = blake2b(session.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
    return folder / f"decided-{name}.json"


def _read(descriptor: int) -> "dict[str, object]":
    try:
        noted = json.loads(os.pread(descriptor, MAX_BYTES, 0) or b"{}")
    except ValueError:
        return {}
    return noted if isinstance(noted, dict) else {}
