"""Opens a store on object storage: its objects and the cache of this machine."""

from collections.abc import Callable, Mapping

from toolkit.history.address import ObjectAddress
from toolkit.history.objects.base import Objects
from toolkit.history.objects.cache import ObjectCache, cache_of
from toolkit.history.objects.reading import ObjectDataset
from toolkit.history.objects.s3 import S3Objects

__all__ = ["cache_for", "open_objects", "read_objects"]


def open_objects(address: ObjectAddress, environment: Mapping[str, str]) -> Objects:
    """Open the objects of a store; nothing is asked of the server yet.

    Parameters
    ----------
    address : ObjectAddress
    environment : mapping of str to str
        The usual `AWS_*` variables.

    Returns
    -------
    Objects

    Raises
    ------
    MissingExtraError
        The extra `s3` is not installed.
    UsageError
        There are no credentials.
    """
    return S3Objects(address, environment)


def cache_for(address: ObjectAddress, environment: Mapping[str, str]) -> ObjectCache:
    """Open the cache of a store.

    Parameters
    ----------
    address : ObjectAddress
    environment : mapping of str to str
        `TOOLKIT_CACHE` and `XDG_CACHE_HOME`.

    Returns
    -------
    ObjectCache

    Raises
    ------
    UsageError
        `TOOLKIT_CACHE` is no size.
    """
    return cache_of(str(address), environment)


def read_objects(
    address: ObjectAddress,
    environment: Mapping[str, str],
    *,
    report: Callable[[float, float, str], None] | None = None,
) -> ObjectDataset:
    """Open a store on object storage for reading.

    Parameters
    ----------
    address : ObjectAddress
    environment : mapping of str to str
        The usual `AWS_*` variables, `TOOLKIT_CACHE` and `XDG_CACHE_HOME`.
    report : callable, optional
        Called with how many MB of how many were fetched.

    Returns
    -------
    ObjectDataset

    Raises
    ------
    MissingExtraError
        The extra `s3` is not installed.
    UsageError
        There are no credentials, or `TOOLKIT_CACHE` is no size.
    """
    objects = open_objects(address, environment)
    return ObjectDataset(objects, cache_for(address, environment), report=report)
