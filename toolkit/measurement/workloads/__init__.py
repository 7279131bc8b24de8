"""The real work that is measured: batches of three types, and task graphs.

Variants differ in what is known before a batch runs (payload, share of reads, how often
an operation fails, how many others write the same store), so that a model can learn
from some what to expect of another. Failure rates span what histories show (2 to 7 % of
calls) up to work on code that another agent is changing.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
