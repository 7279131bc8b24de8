"""How good: pure functions on numbers, with intervals, that say when they cannot tell.

Grade decisions, not R2 (`slowdown` and its means); bound everything by groups
(`group_bootstrap`); evaluate a policy from another one's logs only where the two overlap
(`off_policy`).
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
