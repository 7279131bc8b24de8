"""How many agents were at work, from the calls that spawned them."""

from bisect import bisect_left
from collections.abc import Iterable
from math import inf

from toolkit.history.importers.claude_code.calls import Call
from toolkit.history.importers.claude_code.streams import MAIN, Stream

__all__ = ["ActiveAgents"]


class ActiveAgents:
    """Counts the agents of one transcript that were at work at a moment.

    A spawning call is at work from the call to its result, or to the notice of its end
    if it went on in the background. While a call of the foreground is at work the
    session's own thread waits and does not count.

    Parameters
    ----------
    spawns : iterable of Call
        Every spawning call of the transcript.
    ends : dict of str to float
        When the agents in the background ended, by agent id; seconds since 1970.

    Examples
    --------
    >>> ActiveAgents([], {}).at(0.0, Stream("s", "main", inline=False))
    1
    """

    def __init__(self, spawns: Iterable[Call], ends: dict[str, float]) -> None:
        foreground: list[tuple[float, float]] = []
        background: list[tuple[float, float]] = []
        for call in spawns:
            reply = call.reply
            if reply is None:
                continue
            if reply.in_background:
                name = reply.agent_id or ""
                end_s = ends.get(name, ends.get(name.partition("@")[0], inf))
                background.append((call.start_s, end_s))
            else:
                foreground.append((call.start_s, reply.end_s))
        self._foreground = _Intervals(foreground)
        self._background = _Intervals(background)

    def at(self, at_s: float, stream: Stream) -> int | None:
        """Count at a moment; `None` for a subagent in a separate file.

        Such a file does not tell what the session and the other agents did.

        Parameters
        ----------
        at_s : float
            Seconds since 1970.
        stream : Stream
            Whose batch it is.

        Returns
        -------
        int or None
            At least 1.
        """
        if stream.agent_id != MAIN and not stream.inline:
            return None
        waiting = self._foreground.open_at(at_s)
        others = self._background.open_at(at_s)
        own_thread = 0 if waiting and stream.agent_id != MAIN else 1
        return max(waiting + others + own_thread, 1)


class _Intervals:
    """Intervals of which to count those open at a moment."""

    def __init__(self, intervals: list[tuple[float, float]]) -> None:
        self._starts = sorted(start for start, _ in intervals)
        self._ends = sorted(end for _, end in intervals)

    def open_at(self, at_s: float) -> int:
        """Count those begun before a moment and not ended by then."""
        if not self._starts:
            return 0
        return bisect_left(self._starts, at_s) - bisect_left(self._ends, at_s)
