"""Importers, one for each format, and the one way they are all driven.

A new source is a class that follows `base.Source` and one line in `catalogue.SOURCES`;
its module is loaded when it is asked for.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
