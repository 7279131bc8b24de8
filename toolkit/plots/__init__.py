"""Draws frames of a history or an experiment: one call each, matplotlib axes back."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
