"""Adaptive batching: recommends sizes, measures batches, learns from what they cost."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
