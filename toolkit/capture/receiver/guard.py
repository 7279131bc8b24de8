"""Who may send: programs of this machine, or holders of the token.

A web page can make its reader's browser post to an address of the reader's machine, also
under a name that it has let point there. A browser says so: it names the host
it was asked for, and the page's origin. Programs that export name neither.
"""

import hmac
from ipaddress import ip_address

from toolkit.capture.receiver.limits import Headers, RefusedError
from toolkit.errors import UsageError

__all__ = ["Guard", "is_loopback"]

MIN_TOKEN = 16
"""Shortest token, in characters: a shorter one can be guessed."""


class Guard:
    """Decides from a request's head whether it is accepted.

    Parameters
    ----------
    host : str
        Address that the receiver listens on.
    token : str, optional
        Required of every request where it is given; needed where other machines can
        reach the address.

    Raises
    ------
    UsageError
        No token, or a short one, for an address that other machines can reach.

    Examples
    --------
    >>> Guard("127.0.0.1").check({"host": "localhost:4318"})
    """

    def __init__(self, host: str, token: str | None = None) -> None:
        if token is None and not is_loopback(host):
            raise UsageError(
                f"`{host}` can be reached from other machines; give a token "
                "(`--token-file FILE`), or listen on 127.0.0.1"
            )
        if token is not None and len(token) < MIN_TOKEN:
            raise UsageError(
                f"a token needs at least {MIN_TOKEN} characters (got {len(token)})"
            )
        self._host = host
        self._token = token

    def check(self, headers: Headers, *, needs_token: bool = True) -> None:
        """Accept a request, or raise.

        Parameters
        ----------
        headers : Headers
        needs_token : bool
            Whether the token is asked for, where there is one.

        Raises
        ------
        RefusedError
            401 without the token; 403 for a web page.
        """
        if self._token is not None and not needs_token:
            return
        if self._token is not None:
            given = headers.get("authorization") or ""
            wanted = f"Bearer {self._token}"
            if not hmac.compare_digest(given.encode(), wanted.encode()):
                raise RefusedError(401, "send the token: Authorization: Bearer TOKEN")
            return
        if headers.get("origin") is not None:
            raise RefusedError(403, "web pages may not send")
        host = headers.get("host") or ""
        if not self._is_ours(host):
            raise RefusedError(403, "the host is another one; send to 127.0.0.1")

    def _is_ours(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        name = name.strip("[]").lower().rstrip(".")
        return name == self._host.lower() or is_loopback(name)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine under an address that no other can reach.

    Parameters
    ----------
    host : str
        An address or `localhost`; other names are not resolved, and are not loopback.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
