"""Data flow of texts that are held until the calls of their stream are known.

Of the words that were shown, only those count that a later call holds. Once the calls are
known no other word is remembered, and what no later call could refer to is not split into
words at all: on raw transcripts that halves the time that following them takes.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from toolkit.history.importers.flow import (
    CallFlow,
    DataFlow,
    argument_words,
)
from toolkit.history.importers.texts import block_texts, length_and_removal

__all__ = ["HELD_BYTES", "DeferredFlow"]

HELD_BYTES = 2**23
"""Lines of a file whose texts are held until all calls are known: all of nearly every file.
Ten times the memory is what their words would occupy."""


class Asking(Protocol):
    """A call, whose flow is set once it is known."""

    flow: CallFlow | None


class DeferredFlow:
    """Takes what `DataFlow` does, and answers when `follow` is called.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> flow, first, second = DeferredFlow(), SimpleNamespace(), SimpleNamespace()
    >>> flow.begin_batch()
    >>> flow.call(first, {"pattern": "lexer"}, ["lexer"])
    >>> characters = flow.result("lib/lexer.py")
    >>> flow.begin_batch()
    >>> flow.call(second, {"path": "lib/lexer.py"}, ["lib/lexer.py"])
    >>> flow.follow(ends=True)
    >>> second.flow
    CallFlow(needs_previous=True, mentioned_by_previous=True, known_before=False)
    """

    __slots__ = ("_asked", "_flow", "_held", "_open", "_removed", "_seen", "_until")

    def __init__(self) -> None:
        self._flow = DataFlow()
        self._held: list[Callable[[], None]] = []
        self._asked: list[tuple[set[bytes], Sequence[int]]] = []
        self._until = 0
        # whether the results so far hold a text, or lack one; calls of the batch that
        # was begun last can be answered for where those before it held one
        self._seen = self._removed = self._open = False

    def write(self, text: str) -> None:
        """Hold a text that the model had before it, or that it wrote itself.

        Parameters
        ----------
        text : str
        """
        self._held.append(partial(self._flow.write, text))

    def say(self, text: str) -> None:
        """Hold a text of the reply that issues the batch.

        Parameters
        ----------
        text : str
        """
        self._held.append(partial(self._flow.say, text))

    def begin_batch(self) -> None:
        """Begin a batch: the results so far are those of the batch before it."""
        self._held.append(self._flow.begin_batch)
        self._open = self._seen and not self._removed
        self._seen = self._removed = False

    def call(self, asking: Asking, arguments: Any, texts: Sequence[str]) -> None:
        """Hold a call until its flow can be said.

        Parameters
        ----------
        asking : Asking
            Its `flow` is set to what `DataFlow.compare` gives.
        arguments : object
            JSON value.
        texts : sequence of str
            The texts in it.
        """
        if not self._open:  # in redacted logs that is nearly every call
            asking.flow = None
            self._held.append(partial(self._note, arguments, texts))
            return
        words, numbers = argument_words(arguments, texts)
        self._asked.append((words, numbers))
        self._held.append(partial(self._answer, asking, words, numbers))
        self._until = len(self._held)

    def result(self, content: Any) -> int:
        """Hold the result of a call of the batch that was begun last.

        Parameters
        ----------
        content : str or list
            A text, or blocks of which some hold one.

        Returns
        -------
        int
            Its length in characters.
        """
        length = 0
        for text in [content] if content.__class__ is str else block_texts(content):
            characters, removed = length_and_removal(text)
            length += characters
            self._seen |= characters > 0
            self._removed |= removed
            self._held.append(partial(self._flow.show, text, removed=removed))
        return length

    def follow(self, *, ends: bool) -> None:
        """Follow what is held, and answer for the calls in it.

        Parameters
        ----------
        ends : bool
            No other call comes. Where some may, every word is remembered for them.
        """
        held = self._held
        if ends:
            del held[self._until :]
            self._flow.limit_to(
                set[bytes]().union(*[words for words, _ in self._asked]),
                {number for _, numbers in self._asked for number in numbers},
            )
        for step in held:
            step()
        held.clear()
        self._asked.clear()
        self._until = 0

    def _note(self, arguments: Any, texts: Sequence[str]) -> None:
        """Take a call that cannot be answered for: later ones know what it holds."""
        self._flow.compare(*argument_words(arguments, texts))

    def _answer(
        self, asking: Asking, words: set[bytes], numbers: Sequence[int]
    ) -> None:
        asking.flow = self._flow.compare(words, numbers)
