"""Imports what claude-flow leaves on disk: metrics files and databases of all generations.

Load samples are real measurements. Most of the rest is bookkeeping in which success never
fails, scores keep their defaults and counters start again with every process: such values
are not taken over (the outcome is then unknown), and rows that hold little else are
marked *suspect*, so that nothing is trained on them.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
