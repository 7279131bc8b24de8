"""Learns the best batch size and agent count of a swarm from its own history.

This is the door: the names that most programs need, loaded when they are first used.
The rooms behind it, from the ground up: `records`, `history`, `capture` and
`measurement` (what happened); `features`, `metrics`, `models`, `policies`,
`experiments` and `review` (what it cost, and what would be better); `bundle`, `export`
and `runtime` (advice for a running swarm); `testing` and `studies` (proof); `cli`.
"""

from toolkit.face import lazy_face

__version__ = "0.1.0"

__getattr__, __dir__ = lazy_face(__name__, __file__)
