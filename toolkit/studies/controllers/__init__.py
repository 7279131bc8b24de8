"""Races online controllers beside the rule and a learned policy."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
