"""What a policy would have cost, from the log of another one that explored.

Inverse propensity (`ips`), its self-normalised form (`snips`), the direct method
(`dm`), doubly robust (`dr`) and `switch`, each an `OffPolicyEstimator`; `overlap` tells
what the log can carry and `check_overlap` refuses the rest. A deterministic policy's own
log proves nothing about any other policy.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
