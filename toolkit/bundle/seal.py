"""`seal.json`: the hash of a bundle's manifest, and the team's signature over it.

The manifest holds the hash of every other file, so the seal covers the whole bundle. A
hash finds accidents; who can write a bundle can compute it. The signature is an
HMAC-SHA256 by a key that the team shares: the standard library has it (it has no
Ed25519), Node has it, and an installed hook can afford it. Who can verify can therefore
sign: give the key to the machines that you would let sign.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.bundle.json_rules import Rule, one_of, parse, section, text
from toolkit.bundle.signing_key import KEY_BYTES, key_id, read_secret, signature
from toolkit.errors import SchemaError, UsageError

__all__ = ["SEAL_NAME", "SigningKey", "installed_key", "make_seal"]

SEAL_NAME = "seal.json"
SEAL_MAX_BYTES = 4096
HEX_64: Rule = text(64, pattern="[0-9a-f]{64}")
SEAL = section(
    {"format": one_of(1), "manifest_sha256": HEX_64},
    may={"key_id": text(16, pattern="[0-9a-f]{16}"), "hmac_sha256": HEX_64},
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A team's key for signing bundles.

    Parameters
    ----------
    secret : bytes
        At least 32 random bytes.

    Raises
    ------
    UsageError
        A shorter key.

    Examples
    --------
    >>> key = SigningKey(b"k" * 32)
    >>> key.sign(b"{}") == SigningKey(b"j" * 32).sign(b"{}")
    False
    """

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) < KEY_BYTES:
            raise UsageError(
                f"a signing key of {len(self.secret)} bytes, at least {KEY_BYTES} "
                "needed; make one with `toolkit model key --new`"
            )

    @property
    def key_id(self) -> str:
        """Name the key without giving it away."""
        return key_id(self.secret)

    def sign(self, manifest: bytes) -> str:
        """Compute the signature of a manifest's bytes."""
        return signature(self.secret, manifest)


def installed_key() -> SigningKey | None:
    """Read the team's key; `None` where none is installed.

    Returns
    -------
    SigningKey or None

    Raises
    ------
    UsageError
        A key that others can read, that is no file, too short, or not hexadecimal.
    """
    try:
        secret = read_secret()
    except ValueError as error:
        raise UsageError(str(error)) from error
    return None if secret is None else SigningKey(secret)


def new_key(path: Path) -> SigningKey:
    """Draw a key and write it to a new file that its owner alone can read.

    Parameters
    ----------
    path : path
        Its folder is made where it is missing.

    Returns
    -------
    SigningKey

    Raises
    ------
    UsageError
        There is a file already.
    """
    secret = secrets.token_bytes(KEY_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise UsageError(f"signing key {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secret.hex().encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    return SigningKey(secret)


def make_seal(manifest: bytes, key: SigningKey | None) -> bytes:
    """Write the seal of a manifest, signed where a key is given.

    Parameters
    ----------
    manifest : bytes
        As it lies in the bundle; it names the digests of all other files.
    key : SigningKey or None
        `None` leaves digests without a signature.

    Returns
    -------
    bytes
        JSON.
    """
    seal = {"format": 1, "manifest_sha256": hashlib.sha256(manifest).hexdigest()}
    if key is not None:
        seal |= {"key_id": key.key_id, "hmac_sha256": key.sign(manifest)}
    return json.dumps(seal, indent=1).encode() + b"\n"


def seal_problem(content: bytes, manifest: bytes, key: SigningKey | None) -> str | None:
    """Say why a seal does not hold, or `None`.

    Parameters
    ----------
    content, manifest : bytes
        Of `seal.json` and of `manifest.json`.
    key : SigningKey or None
        Whose signature is required; `None` asks for the hash alone.
    """
    try:
        seal: Any = parse(content)
        SEAL(seal, "seal")
    except ValueError as error:
        reason = error if isinstance(error, SchemaError) else "not JSON"
        return f"{SEAL_NAME}: {reason}"
    if seal["manifest_sha256"] != hashlib.sha256(manifest).hexdigest():
        return "manifest.json was altered (its hash differs)"
    if key is None:
        return None
    if "hmac_sha256" not in seal:
        return "it is not signed, and this machine has a signing key"
    if seal.get("key_id") != key.key_id:
        return f"it is signed by key {seal.get('key_id')}, not by {key.key_id}"
    if not hmac.compare_digest(seal["hmac_sha256"], key.sign(manifest)):
        return "its signature does not hold: it was altered after signing"
    return None
