"""The team's key for signing bundles: where it lies, and what it signs.

Standard library only and light: an installed hook verifies signatures as well.
"""

import hashlib
import os
import stat
from pathlib import Path

__all__ = ["key_path", "read_secret", "signature", "team_signature"]

KEY_VARIABLE = "TOOLKIT_SIGNING_KEY"
KEY_BYTES = 32
KEY_MAX_FILE_BYTES = 1024
PURPOSE = b"toolkit bundle manifest\n"
"""Stands before the manifest, so that a signature fits nothing else."""


def key_path() -> Path:
    """Say where the team's key is looked for.

    Returns
    -------
    path
        What `KEY_VARIABLE` names, or `toolkit/signing.key` in the user's configuration.
    """
    if named := os.environ.get(KEY_VARIABLE):
        return Path(named)
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config, "toolkit", "signing.key")


def read_secret() -> bytes | None:
    """Read the team's key; `None` where none is installed.

    Returns
    -------
    bytes or None

    Raises
    ------
    ValueError
        A key that others can read, that is no small file, too short, not hexadecimal,
        or that is named and does not exist.
    """
    path = key_path()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        if KEY_VARIABLE not in os.environ:
            return None
        raise ValueError(f"`{KEY_VARIABLE}` names {path}: does not exist") from None
    except OSError as error:
        raise ValueError(f"signing key {path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > KEY_MAX_FILE_BYTES:
            raise ValueError(f"signing key {path} is not a small file")
        if status.st_mode & 0o007:
            raise ValueError(f"signing key {path} is open to others; chmod 600 it")
        written = os.read(descriptor, KEY_MAX_FILE_BYTES)
    finally:
        os.close(descriptor)
    try:
        secret = bytes.fromhex(written.decode("ascii").strip())
    except ValueError as error:
        raise ValueError(f"signing key {path} is not hexadecimal") from error
    if len(secret) < KEY_BYTES:
        raise ValueError(
            f"signing key {path} holds {len(secret)} bytes, at least {KEY_BYTES} "
            "needed; make one with `toolkit model key --new`"
        )
    return secret


def signature(secret: bytes, manifest: bytes) -> str:
    """Sign the bytes of a manifest, HMAC-SHA256 in hexadecimal digits.

    Parameters
    ----------
    secret : bytes
    manifest : bytes

    Returns
    -------
    str
        64 digits.
    """
    import hmac

    return hmac.digest(secret, PURPOSE + manifest, "sha256").hex()


def team_signature(manifest: bytes) -> str | None:
    """Sign the bytes of a manifest by the team's key; `None` where none is installed.

    Parameters
    ----------
    manifest : bytes

    Returns
    -------
    str or None
        64 digits.

    Raises
    ------
    ValueError
        As of `read_secret`.
    """
    secret = read_secret()
    return None if secret is None else signature(secret, manifest)


def key_id(secret: bytes) -> str:
    """Name a key without giving it away."""
    return hashlib.sha256(b"toolkit key id\n" + secret).hexdigest()[:16]
