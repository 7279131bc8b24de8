"""The rules: the specification's own numbers, and what people use instead of a model.

They are baselines to beat, verbatim, not truth. Each rule is a plain class; `*Policy`
wraps it so that it answers a problem with the nearest action on offer.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
