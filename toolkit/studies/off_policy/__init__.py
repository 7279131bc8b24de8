"""Holds off-policy estimates and the promotion gate to their promises, by simulation."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
