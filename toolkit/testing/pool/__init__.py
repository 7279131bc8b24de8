"""A pool of agents that are real processes: queue, memory, activity, spawning, the beat.

It exists to be healed: the demo, the experiments and the tests act on it. It knows
nothing of healing: `PoolView` is for watching it, `LocalAgentPool` for acting on it.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
