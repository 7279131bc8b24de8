"""How a healer acts: the contract, and one file for each kind of swarm."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
