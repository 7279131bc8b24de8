"""Streaming statistics: one definition each, in bounded memory, standard library only.

Every statistic has `update(x)`, `get()`, `count` and `ready`. One that has no answer
says so: `ready` is false and `get` raises `NotEnoughDataError`. The tests hold each to
its batch twin, computed from the whole list at once.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
