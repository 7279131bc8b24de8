"""The hook verbs of a swarm as a library, and their installation in Claude Code.

`HookVerbs(store, clock=..., notifier=...)` has `pre_task`, `post_edit`, `notify` and
`post_task`, with the flags of the specification's section 5 as arguments.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
