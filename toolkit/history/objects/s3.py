"""Objects of a bucket that speaks the S3 protocol, by `obstore`.

Credentials and endpoint come from the usual variables: `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` (or `AWS_DEFAULT_REGION`),
`AWS_ENDPOINT_URL_S3` (or `AWS_ENDPOINT_URL`). Without the first two nothing is asked of
any other service.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError, MissingExtraError, ToolkitError, UsageError
from toolkit.history.address import ObjectAddress
from toolkit.history.objects.base import Entry, MissingObjectError

__all__ = ["S3Objects"]

KEYS = {
    "access_key_id": ("AWS_ACCESS_KEY_ID",),
    "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "session_token": ("AWS_SESSION_TOKEN",),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
}
REQUIRED = ("access_key_id", "secret_access_key")
DEFAULT_REGION = "us-east-1"

CLIENT = {"connect_timeout": "5s", "timeout": "300s"}
RETRIES = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}

PIECE_BYTES = 8 * 2**20
"""Of a large upload, and of a download."""

REMOVED_AT_ONCE = 1000
"""Most names in one request, by the protocol."""

CONFLICTS = 5
"""Times that a create is tried again where another of the same name is on its way."""

CODE = re.compile(r"<Code>(\w{1,60})</Code>")
STATUS = re.compile(r"status code: (\d{3})")
NOT_ALLOWED = {"401", "403"}
ELSEWHERE = {"301", "307", "400"}


class S3Objects:
    """Objects below an address.

    Parameters
    ----------
    address : ObjectAddress
    environment : mapping of str to str
        The `AWS_*` variables.

    Raises
    ------
    MissingExtraError
        The extra `s3` is not installed.
    UsageError
        There are no credentials.
    """

    def __init__(self, address: ObjectAddress, environment: Mapping[str, str]) -> None:
        try:
            import obstore
        except ImportError as error:
            raise MissingExtraError("a store on s3://", "s3") from error
        self._obstore = obstore
        self._address = address
        self._config = _config(address, environment)
        self._store = self._opened()

    @property
    def name(self) -> str:
        """Address of the store, for messages."""
        return str(self._address)

    def list(self, folder: str) -> Sequence[Entry]:
        """List the objects of a folder and below it."""
        found: list[Entry] = []
        with self._translated():
            for page in self._obstore.list(self._store, f"{folder}/"):
                found.extend(
                    Entry(name=m["path"], size=m["size"], modified=m["last_modified"])
                    for m in page
                )
        return sorted(found, key=lambda entry: entry.name)

    def read(self, name: str) -> bytes:
        """Read a small object whole."""
        with self._translated(name):
            return bytes(self._obstore.get(self._store, name).bytes())

    def fetch(self, name: str, target: Path) -> None:
        """Copy an object to a new file."""
        with self._translated(name):
            pieces = self._obstore.get(self._store, name).stream(PIECE_BYTES)
            with target.open("xb") as stream:
                for piece in pieces:
                    stream.write(piece)

    def create(self, name: str, data: bytes) -> bool:
        """Create an object with `If-None-Match: *`; `False` where there is one."""
        for attempt in range(CONFLICTS):
            try:
                with self._translated(name):
                    self._obstore.put(
                        self._store, name, data, mode="create", use_multipart=False
                    )
            except self._obstore.exceptions.AlreadyExistsError as error:
                # 409 says that another is on its way, which may still fail.
                if _status(str(error)) != "409":
                    return False
            else:
                return True
            time.sleep(0.1 * 2**attempt)
        return False

    def upload(self, name: str, path: Path) -> None:
        """Write a file, a large one in pieces; it is there whole or not at all."""
        with self._translated(name):
            self._obstore.put(
                self._store, name, path, chunk_size=PIECE_BYTES, max_concurrency=2
            )

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects, up to 1000 in a request."""
        for start in range(0, len(names), REMOVED_AT_ONCE):
            with self._translated():
                some = [*names[start : start + REMOVED_AT_ONCE]]
                self._obstore.delete(self._store, some)

    def _opened(self) -> Any:
        from obstore.store import S3Store

        endpoint = self._config.get("endpoint", "")
        return S3Store(
            self._address.bucket,
            prefix=self._address.prefix or None,
            config={**self._config, "conditional_put": "etag"},
            client_options={
                **CLIENT,
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config=RETRIES,
        )

    @contextmanager
    def _translated(self, name: str = "") -> Iterator[None]:
        """Raise what went wrong at the server as one of our errors."""
        exists = self._obstore.exceptions.AlreadyExistsError
        try:
            yield
        except (exists, ToolkitError):
            raise
        except (FileNotFoundError, self._obstore.exceptions.BaseError) as error:
            code = CODE.search(str(error))
            missing = isinstance(error, FileNotFoundError)
            if missing and (code is None or code[1] != "NoSuchBucket"):
                raise MissingObjectError(name) from error
            raise self._error(str(error), code and code[1]) from error

    def _error(self, text: str, code: str | None) -> InputDataError:
        status = _status(text)
        said = " ".join(filter(None, (status, code)))
        where = self._config.get("endpoint") or f"region {self._config['region']}"
        if code == "NoSuchBucket":
            problem, fix = "no such bucket", f"make it, or check {where}"
        elif status in NOT_ALLOWED:
            problem = f"not allowed ({said})"
            fix = (
                "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy"
            )
        elif status in ELSEWHERE:
            problem = f"the bucket is not served there ({said})"
            fix = "check AWS_REGION and AWS_ENDPOINT_URL"
        elif status is None:
            problem = f"{where} does not answer"
            fix = (
                "check AWS_ENDPOINT_URL and the network; what was acknowledged is kept"
            )
        else:
            problem = f"the server answered {said}"
            fix = "run again; what was acknowledged is kept"
        return InputDataError(problem, file=self.name, fix=fix)


def _status(text: str) -> str | None:
    found = STATUS.search(text)
    return found and found[1]


def _config(address: ObjectAddress, environment: Mapping[str, str]) -> dict[str, str]:
    found = {"region": DEFAULT_REGION}
    for key, names in KEYS.items():
        for name in names:
            if environment.get(name):
                found[key] = environment[name]
                break
    missing = [KEYS[key][0] for key in REQUIRED if key not in found]
    if missing:
        raise UsageError(
            f"{address} needs {' and '.join(missing)} in the environment; no other "
            "source of credentials is asked"
        )
    return found
