"""The rules of batching in words, for an agent's instructions.

`toolkit review --advice` offers those that a history calls for, and `toolkit experiment ab`
says one to sessions drawn at random: the same sentences, so that what was tried is what is
pasted. Standard library only: a hook imports them.
"""

__all__ = ["RULE_TEXTS"]

RULE_TEXTS = {
    "agents": "Start agents that do not need each other's results in one message.",
    "edits": "When a change spans several files, issue the edits of different files in "
    "one message.",
    "failures": "Do not put a call that may fail beside calls that must not be lost.",
    "reads": "Read all files whose paths you already know in one message with several "
    "calls.",
    "todo": "Never spend a message on the todo list alone: send its update with the "
    "next calls.",
}
"""One sentence for each, by the name typed for it."""
