"""Says what a team's own batch sizes and agents cost, and what would have been cheaper."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
