"""Identities: what makes two copies of an event one, and how names are hidden."""

import secrets
from hashlib import blake2b
from pathlib import Path

__all__ = ["call_record_id", "keyed_hash", "record_id", "store_key"]

DIGEST_BYTES = 10
"""80 bits: among a hundred million ids a collision has a chance below one in a hundred."""


def record_id(*parts: str) -> str:
    """Derive a record's identity from what identifies the event in its source.

    The parts are ids that programs drew (message, call and session ids), not names, so
    the digest needs no key: the same event gets the same id in every store.

    Examples
    --------
    >>> record_id("claude-code", "toolu_01") == record_id("claude-code", "toolu_01")
    True
    >>> len(record_id("a", "b"))
    20
    """
    digest = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()


def call_record_id(call_id: str) -> str:
    """Derive the identity of what began with one tool call of Claude Code.

    A batch is identified by the first call of its message, in message order, a
    coordination event by its own call. A hook knows these ids, and no message id: so
    what a hook recorded and what the transcript says later are one record. In 19,919
    calls of real history no id belonged to two messages.

    Parameters
    ----------
    call_id : str
        The `tool_use_id`.

    Examples
    --------
    >>> call_record_id("toolu_01") == record_id("claude-code", "toolu_01")
    True
    """
    return record_id("claude-code", call_id)


def keyed_hash(key: bytes, text: str) -> str:
    """Hide a path, a key or another name: equal names stay equal within one store.

    Examples
    --------
    >>> keyed_hash(b"k" * 32, "src/main.py") == keyed_hash(b"j" * 32, "src/main.py")
    False
    """
    raw = text.encode("utf-8", "surrogatepass")
    return blake2b(raw, digest_size=DIGEST_BYTES, key=key).hexdigest()


def store_key(directory: Path) -> bytes:
    """Read a store's secret key, drawing it the first time.

    The file is created exclusively and readable by its owner only; of two processes
    that start together one draws the key and both read it.

    Returns
    -------
    bytes
        32 random bytes.
    """
    path = directory / "key"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        draft = directory / f".key-{secrets.token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(32))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process drew the key first; its key is the store's
        finally:
            draft.unlink()
    return path.read_bytes()
