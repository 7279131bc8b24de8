"""Runs the swarm with every fixed batch size, the rule's, and the embedded optimizer."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
