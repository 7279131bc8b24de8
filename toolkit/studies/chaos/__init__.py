"""Chaos: real faults injected into real processes, and what healing makes of them.

It composes the runtime with an experiment, so it lives with the commands.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
