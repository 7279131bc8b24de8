"""Identities: what makes two copies of an event one, and how names are hidden."""

import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from toolkit.errors import InputDataError
from toolkit.records.store_secret import KEY_NAME, read_or_draw_key

__all__ = [
    "PLAIN_ID",
    "call_record_id",
    "identifier",
    "is_unique_call_id",
    "keyed_hash",
    "model_name",
    "record_id",
    "store_key",
]

DIGEST_BYTES = 10
"""80 bits: among a hundred million ids a collision has a chance below one in a hundred."""


FRAMES = [f"\0\0\0{chr(length)}" for length in range(128)]
"""How a part begins by its length, as far as that is one ASCII character."""

UNIQUE_CALL_ID = re.compile(
    r"(?:srv)?toolu_.+|(?:call|chatcmpl-tool|fc|tool)[_-][A-Za-z0-9]{20,}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
"""Call ids that a provider drew at random, so that no two calls anywhere share one.
Other models count their calls within a conversation, or even within a message."""

PLAIN_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
"""What an id that a program drew looks like. An e-mail address does not."""

MODEL = re.compile(r"[A-Za-z0-9_.:@/\[\]-]{1,100}")
"""What a model's name looks like, its variant and its date included."""


def record_id(*parts: str) -> str:
    """Derive a record's identity from what identifies the event in its source.

    The parts are ids that programs drew (message, call and session ids), not names, so
    the digest needs no key: the same event gets the same id in every store.

    Parameters
    ----------
    *parts : str
        Ids of the source; their order and borders count.

    Returns
    -------
    str
        `DIGEST_BYTES` in hexadecimal digits.

    Examples
    --------
    >>> record_id("claude-code", "toolu_01") == record_id("claude-code", "toolu_01")
    True
    >>> len(record_id("a", "b"))
    20
    """
    try:
        text = "".join([FRAMES[len(part)] + part for part in parts])
    except IndexError:
        text = ""
    if text and text.isascii():  # as nearly always; the same bytes, made at once
        return blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()
    framed = []
    for part in parts:
        raw = part.encode() if part.isascii() else part.encode("utf-8", "surrogatepass")
        framed += [len(raw).to_bytes(4, "big"), raw]
    return blake2b(b"".join(framed), digest_size=DIGEST_BYTES).hexdigest()


def call_record_id(call_id: str, *, scope: str = "", nth: int = 0) -> str:
    """Derive the identity of what began with one tool call.

    A batch is identified by the first call of its message, in message order, a
    coordination event by its own call. A hook knows these ids, and no message id: so
    what a hook recorded and what the transcript says later are one record. An id that a
    provider drew at random needs no scope, so a call that a fork repeats stays one.

    Parameters
    ----------
    call_id : str
        The `tool_use_id`.
    scope : str
        Within which the id is unique, where it is not unique everywhere: the session
        and the agent, as `session/agent`.
    nth : int
        How many calls of this id, each with its result, came before in the scope.

    Returns
    -------
    str
        Hexadecimal digits, as of `record_id`.

    Examples
    --------
    >>> call_record_id("toolu_01", scope="a/main") == call_record_id("toolu_01")
    True
    >>> call_record_id("Read:0", scope="a/main") == call_record_id(
    ...     "Read:0", scope="b/x"
    ... )
    False
    """
    if is_unique_call_id(call_id):
        scope = ""
    counted = [str(nth)] if nth else []
    return record_id("claude-code", *([scope] if scope else []), call_id, *counted)


def is_unique_call_id(call_id: str) -> bool:
    """Whether a provider drew a call's id, so that no two calls anywhere share it.

    Parameters
    ----------
    call_id : str
        As the harness wrote it.

    Returns
    -------
    bool
        `False` for counters such as `call_1`, which are unique within a session only.

    Examples
    --------
    >>> is_unique_call_id("toolu_01"), is_unique_call_id("Read:0")
    (True, False)
    """
    drawn = call_id.startswith("toolu_")
    return drawn or UNIQUE_CALL_ID.fullmatch(call_id) is not None


def identifier(text: str, hidden: Callable[[str], str]) -> str:
    """Keep what looks like an id that a program drew, and hide what does not.

    Parameters
    ----------
    text : str
    hidden : callable
        Keyed hash of a store.

    Returns
    -------
    str
        The text itself, or `hidden-` and its keyed hash.

    Examples
    --------
    >>> identifier("5e55104a-0000", str.upper), identifier("w1@team", str.upper)
    ('5e55104a-0000', 'hidden-W1@TEAM')
    """
    return text if PLAIN_ID.fullmatch(text) else f"hidden-{hidden(text[:4096])}"


def model_name(text: object) -> str | None:
    """Keep the name of a model; `<synthetic>` and texts are none.

    Parameters
    ----------
    text : object
        As a log holds it.

    Returns
    -------
    str or None

    Examples
    --------
    >>> model_name("claude-opus-4@20250514"), model_name("<synthetic>")
    ('claude-opus-4@20250514', None)
    """
    return text if isinstance(text, str) and MODEL.fullmatch(text) else None


def keyed_hash(key: bytes, text: str) -> str:
    """Hide a path, a key or another name: equal names stay equal within one store.

    Parameters
    ----------
    key : bytes
        The secret of a store.
    text : str
        Surrogates, as file names may hold, are kept apart too.

    Returns
    -------
    str
        Hexadecimal digits; without the key the text cannot be guessed from them.

    Examples
    --------
    >>> keyed_hash(b"k" * 32, "src/main.py") == keyed_hash(b"j" * 32, "src/main.py")
    False
    """
    raw = text.encode("utf-8", "surrogatepass")
    return blake2b(raw, digest_size=DIGEST_BYTES, key=key).hexdigest()


def store_key(directory: Path) -> bytes:
    """Read a store's secret key, drawing it the first time.

    Parameters
    ----------
    directory : path
        The store's folder, made where it is missing.

    Returns
    -------
    bytes
        32 random bytes where it was drawn here; see `store_secret`.

    Raises
    ------
    InputDataError
        The file is a link, no file, empty, or too short or long for a key.
    """
    path = directory / KEY_NAME
    try:
        return read_or_draw_key(directory)
    except OSError as error:
        raise InputDataError(
            f"the store's key cannot be read or written ({error.strerror})",
            file=path,
            fix="check the rights of the folder and the space on its disk",
        ) from error
    except ValueError as error:
        raise InputDataError(
            f"the store's key cannot be used ({error})",
            file=path,
            fix="restore it from a backup: names hidden with another key do not match",
        ) from error
