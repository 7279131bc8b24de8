"""A team's history on disk: store, dataset, compaction, duplicates, and its importers."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
