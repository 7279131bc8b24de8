"""Grades decisions on tables whose best action is known."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
