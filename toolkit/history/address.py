"""Where a store is: a folder of this machine, or a prefix of a bucket on object storage."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from toolkit.errors import UsageError
from toolkit.escaping import printable

__all__ = ["ObjectAddress", "Place", "local_path", "require_local", "store_place"]

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
COLLAPSED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""First part of a path that was made of an address: `Path("s3://a")` is `s3:/a`."""

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX = re.compile(r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*")


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """A store on object storage that speaks the S3 protocol.

    Attributes
    ----------
    bucket : str
    prefix : str
        Of all its objects, without slashes at its ends; empty for the whole bucket.

    Examples
    --------
    >>> print(ObjectAddress.parse("s3://team/swarm/"))
    s3://team/swarm
    """

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `s3://BUCKET/PREFIX`.

        Parameters
        ----------
        text : str
            Slashes at the end are left out.

        Returns
        -------
        ObjectAddress

        Raises
        ------
        UsageError
            It is none.
        """
        scheme, _, rest = text.partition("://")
        bucket, _, prefix = rest.partition("/")
        prefix = prefix.strip("/")
        if (
            scheme != "s3"
            or not BUCKET.fullmatch(bucket)
            or not (not prefix or PREFIX.fullmatch(prefix))
            or {".", ".."} & set(prefix.split("/"))
        ):
            raise UsageError(
                f"`{printable(text)}` is no address of object storage; write it as "
                "s3://BUCKET/PREFIX, with 3 to 63 of a-z, 0-9, `.` and `-` in BUCKET"
            )
        return cls(bucket, prefix)


Place = Path | ObjectAddress
"""Of a store."""


def local_path(text: str) -> Path:
    """Read a path of this machine; an address is refused, never made a folder.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    path
        It need not exist.

    Raises
    ------
    UsageError
        The text is an address, of whatever scheme.

    Examples
    --------
    >>> local_path("a/b.csv").name
    'b.csv'
    """
    if SCHEME.match(text):
        raise UsageError(
            f"`{printable(text)}` is an address; a path of this machine is needed here"
        )
    return Path(text)


def store_place(text: str) -> Place:
    """Read where a store is.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    path or ObjectAddress

    Raises
    ------
    UsageError
        An address that is not understood.

    Examples
    --------
    >>> store_place("s3://team/swarm")
    ObjectAddress(bucket='team', prefix='swarm')
    """
    return ObjectAddress.parse(text) if SCHEME.match(text) else Path(text)


def require_local(place: Place | str) -> Path:
    """Refuse a store that is not a folder of this machine.

    Parameters
    ----------
    place : path, ObjectAddress or str

    Returns
    -------
    path
        It need not exist.

    Raises
    ------
    UsageError
        It is an address, or a path that was made of one.
    """
    if isinstance(place, ObjectAddress):
        raise UsageError(
            f"{place} is only read and compacted; write to a store of this machine and "
            f"ship it: `toolkit records ship --to {place}`"
        )
    path = Path(place)
    if len(path.parts) > 1 and COLLAPSED.fullmatch(path.parts[0]):
        raise UsageError(
            f"`{printable(str(path))}` was made of an address; a path of this machine is "
            "needed here"
        )
    return path
