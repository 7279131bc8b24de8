"""A pool of agents that are real processes: queue, memory, activity, spawning, the beat.

It exists to be healed: the demo, the experiments and the tests act on it. It knows
nothing of healing; whoever watches it reads a `PoolView`, whoever acts on it calls
`LocalAgentPool`.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
