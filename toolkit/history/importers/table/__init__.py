"""Imports tables of any origin through a declared map of their columns."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
