"""Real processes, faults and simulations to prove the toolkit with."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
