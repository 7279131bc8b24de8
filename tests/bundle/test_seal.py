import os
from hashlib import sha256
from pathlib import Path

import pytest

from tests.bundle_factory import rewrite, small_bundle
from toolkit.bundle import (
    SEAL_NAME,
    installed_key,
    key_path,
    make_seal,
    new_key,
    read_bundle,
)
from toolkit.bundle.seal import SigningKey, seal_problem
from toolkit.errors import BundleRefusedError, UsageError

KEY = SigningKey(b"k" * 32)
OTHER = SigningKey(b"j" * 32)


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys" / "signing.key"
    new_key(path)
    monkeypatch.setenv("TOOLKIT_SIGNING_KEY", str(path))
    return path


def test_a_seal_covers_every_byte_of_the_manifest() -> None:
    seal = make_seal(b"{}", None)

    assert seal_problem(seal, b"{}", None) is None
    assert "altered" in str(seal_problem(seal, b"{} ", None))


def test_a_signature_holds_for_its_key_alone() -> None:
    signed = make_seal(b"{}", KEY)

    assert seal_problem(signed, b"{}", KEY) is None
    assert "signed by key" in str(seal_problem(signed, b"{}", OTHER))
    assert "not signed" in str(seal_problem(make_seal(b"{}", None), b"{}", KEY))


def test_a_hash_made_good_does_not_make_the_signature_good() -> None:
    signed = make_seal(b"{}", KEY).decode()
    old, new = (sha256(m).hexdigest() for m in (b"{}", b"[]"))

    forged = signed.replace(old, new).encode()

    assert "signature does not hold" in str(seal_problem(forged, b"[]", KEY))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 2}', b"[" * 4000])
def test_a_seal_that_is_none_is_refused(content: bytes) -> None:
    assert SEAL_NAME in str(seal_problem(content, b"{}", None))


def test_where_a_key_is_installed_bundles_are_signed_and_must_be(
    key_file: Path, tmp_path: Path
) -> None:
    bundle = small_bundle(tmp_path / "b")

    assert bundle.signed_by == SigningKey(bytes.fromhex(key_file.read_text())).key_id
    rewrite(bundle.path, lambda value: value.update(name="other"))
    with pytest.raises(BundleRefusedError, match="not signed"):
        read_bundle(bundle.path)
    assert read_bundle(bundle.path, signed=False).manifest.name == "other"


def test_a_new_key_is_its_owners_alone_and_never_written_over(key_file: Path) -> None:
    assert key_file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="exists"):
        new_key(key_file)


@pytest.mark.parametrize("content", ["", "00" * 16, "no hex", "\xff"])
def test_an_empty_short_or_odd_key_is_refused(key_file: Path, content: str) -> None:
    key_file.write_text(content, encoding="latin-1")

    with pytest.raises(UsageError):
        installed_key()


def test_a_key_open_to_others_or_no_file_is_refused(key_file: Path) -> None:
    key_file.chmod(0o644)

    with pytest.raises(UsageError, match="chmod 600"):
        installed_key()
    key_file.unlink()
    os.mkfifo(key_file)
    with pytest.raises(UsageError, match="not a small file"):
        installed_key()


def test_a_key_that_cannot_be_used_refuses_bundles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_bundle(tmp_path / "b").path
    monkeypatch.setenv("TOOLKIT_SIGNING_KEY", str(tmp_path / "gone"))

    with pytest.raises(BundleRefusedError, match="does not exist"):
        read_bundle(path)


def test_the_key_is_looked_for_in_the_users_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOOLKIT_SIGNING_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert key_path() == tmp_path / "toolkit" / "signing.key"
    assert installed_key() is None
