"""Adapters to agent frameworks: each emits batches and events, and asks for sizes.

One file a framework, each behind an extra of its name; they share `CallBatches`, which
groups the calls between two turns of an agent into one batch of the optimizer.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
