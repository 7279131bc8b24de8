"""Nested evaluation: fitted policies, baselines, results and reports."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
