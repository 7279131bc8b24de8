"""Self-healing: checks, ladders, post-conditions, and what is learned from them.

Section 4 of the specification, with `definitions` where that is open. Success is only
what was measured after an action. The room knows a swarm as a `SwarmSnapshot`, acts through an
`Effector`, and is composed with the rest of the runtime from outside.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
