"""Replays a history under other batch sizes and agent counts (review, section 6)."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
