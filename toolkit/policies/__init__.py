"""Prediction to action: what a decision is, and the policies that take one."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
