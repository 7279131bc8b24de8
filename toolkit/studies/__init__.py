"""Studies of the toolkit itself: each runs, reports and plots one question."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
