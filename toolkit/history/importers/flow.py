"""Which calls used what the results before them showed.

For every call three bits bound whether it had to wait for the batch before it (review,
section 2). They come from the identifiers in its arguments: paths, symbols, ids, line
numbers. The texts live only as long as the file is read; a record holds counts.

An identifier is a run of letters, digits, `_` and `-` that is longer than two characters
and no common word. A number below a million counts as shown where a number within 60 of
it was: a line that is asked for stands near the line that was seen.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from toolkit.history.importers.texts import without_counts

__all__ = ["CallFlow", "DataFlow", "argument_words", "count_flow", "lines_near"]

NEAR = 60
"""Lines between a line that was shown and one that is then asked for."""

SHORT_NUMBER = 6
"""Digits from which a number is an id, equal or not, and no line."""

LONG_NUMBER = 10**SHORT_NUMBER

LEAST_NUMBER = 100
"""Smaller numbers are counts, limits and levels."""

_SEPARATORS = bytes(
    code if chr(code).isascii() and (chr(code).isalnum() or chr(code) in "_-") else 0x20
    for code in range(256)
)

_COMMON = frozenset(
    b"""
    about above action actions add added after again against all allow already also
    and any anything app apply are args around array assert async await back base
    based because been before being below between body bool boolean both break build
    but call called calls can case catch change changed changes check class clean
    code command commands commit component config const content context continue
    copy correctly could count create created css current data date debug def default
    delete description details detect diff different dir directory display does doing
    done each edit either elif else empty end ensure entry enum env error errors etc
    even every example except exists exit expect expected export fail failed false
    fetch field fields file files filter final finally find first fix flag flow folder
    following for format found from full func function functions general get getting
    git give given global good grep had handle has have head header help here how html
    http https ignore implement import improve include index info init input inside
    instead int interface internal into invalid issue issues item items its java
    javascript join json just keep key keys know last later latest lead length less
    let level like limit line lines link list load local log logic look make making
    many map match max maybe md message method might min missing mode model module
    more most move multiple must name names need needs never new next node none not
    note now npm null number object off offset old once one only open option options
    or other otherwise our out output over package page param parameters parent part
    parse pass passed path paths pattern phase plan please point possible post present
    print private process project properties property public push put python query
    raise read reading ready really receive record ref related remove replace report
    request require required response rest result results return returns review right
    root row rows rule rules run running same save search second section see select
    self send server set setting settings setup should show side simple since single
    size some something source specific src start state static status step steps still
    stop store str string structure style sub such summary support sure switch system
    table tag take target task tasks template test tests text than that the their them
    then there these they thing this those three through throw time to todo tool tools
    top total track true try tsx two txt type types under undefined union unit unknown
    until update updated use used user uses using valid validate value values var
    toml scss sass svg png jpg lock tpl cfg ini conf log mjs cjs jsx rs cpp hpp
    variable version very view void wait want was way well were what when where
    whether which while who why will with within without work working works would
    agent agents allowed bash cat completed deleted doesn enoent eisdir errored exceeds
    exist explore files_with_matches grep haiku in_progress inputvalidationerror
    interrupted matches maximum modified opus pending permission proceed rejected sibling
    skill sonnet timed tokens tool_use_error unexpectedly writing
    write wrong xml yaml yes yet yml you your tmp usr home bin opt etc var dev
    """.split()
)
"""Words of English, programming, file names and harnesses that say nothing about flow."""


class CallFlow(NamedTuple):
    """What one call took from what was in its context.

    Attributes
    ----------
    needs_previous : bool
        An identifier occurs in the previous results and in nothing before them.
    mentioned_by_previous : bool
        An identifier occurs in those results.
    known_before : bool
        Every identifier was in the context before those results.
    """

    needs_previous: bool
    mentioned_by_previous: bool
    known_before: bool


def count_flow(
    flows: Sequence[CallFlow | None],
) -> tuple[int, int, int] | tuple[None, None, None]:
    """Count the three bits of a batch's calls; unknown where one call's are.

    Parameters
    ----------
    flows : sequence of CallFlow or None
        One for each call.

    Returns
    -------
    needs_previous, mentioned_by_previous, known_before : int or None

    Examples
    --------
    >>> count_flow([CallFlow(True, True, False), CallFlow(False, True, True)])
    (1, 2, 1)
    >>> count_flow([CallFlow(True, True, False), None])
    (None, None, None)
    """
    needs = mentioned = known = 0
    for flow in flows:
        if flow is None:
            return None, None, None
        needs += flow.needs_previous
        mentioned += flow.mentioned_by_previous
        known += flow.known_before
    return needs, mentioned, known


class DataFlow:
    """Follows the identifiers of one agent's context, batch by batch.

    Importers use it through `DeferredFlow`.

    Examples
    --------
    >>> flow = DataFlow()
    >>> flow.write("please mend the parser")
    >>> flow.begin_batch()
    >>> flow.compare(*argument_words({}, ["parser"]))
    >>> flow.show("lib/lexer.py")
    >>> flow.begin_batch()
    >>> flow.compare(*argument_words({}, ["lib/lexer.py"]))
    CallFlow(needs_previous=True, mentioned_by_previous=True, known_before=False)
    """

    __slots__ = (
        "_arguments",
        "_known",
        "_missing",
        "_named",
        "_shown",
        "_shown_now",
        "_vocabulary",
    )

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._shown: set[bytes] | None = None
        self._shown_now: set[bytes] = set()
        self._arguments: set[bytes] = set()
        self._missing = False
        self._named = False
        self._vocabulary: set[bytes] | None = None

    def limit_to(self, words: set[bytes], numbers: Collection[int]) -> None:
        """Remember no other words from now on: calls still to come hold no others.

        Parameters
        ----------
        words, numbers
            Of all those calls, as `argument_words` gives them.
        """
        self._vocabulary = _identifiers(words).union(*map(lines_near, numbers))

    def write(self, text: str) -> None:
        """Take a text that the model had before it, or that it wrote itself.

        Parameters
        ----------
        text : str
        """
        self._known.update(self._of_interest(_words(text)))

    def say(self, text: str) -> None:
        """Take a text of the reply that issues the batch: known to later ones.

        Parameters
        ----------
        text : str
        """
        self._arguments.update(self._of_interest(_words(text)))

    def begin_batch(self) -> None:
        """Begin a batch: the results so far are those of the batch before it."""
        if self._shown:
            self._known |= self._shown
        self._known |= self._arguments
        self._shown = None
        if self._named and not self._missing:
            self._shown = self._shown_now
        else:
            self._known |= self._shown_now
        self._shown_now = set()
        self._arguments = set()
        self._missing = self._named = False

    def compare(self, words: set[bytes], numbers: Sequence[int]) -> CallFlow | None:
        """Compare what a call's arguments hold with what was shown.

        Parameters
        ----------
        words, numbers
            As `argument_words` gives them.

        Returns
        -------
        CallFlow or None
            `None` for a first batch, and where the previous results are not known or
            hold no identifier.
        """
        # short numbers, which the vocabulary holds too, are none of the words
        vocabulary = self._vocabulary
        words = _identifiers(words) if vocabulary is None else words & vocabulary
        self._arguments |= words
        shown, known = self._shown, self._known
        if shown is None:
            return None
        fresh = words - known
        needs = not fresh.isdisjoint(shown)
        mentioned = needs or not words.isdisjoint(shown)
        everything = not fresh
        for number in numbers:
            lines = lines_near(number)
            before = not known.isdisjoint(lines)
            everything &= before
            if not (mentioned and (before or needs)):  # else it changes nothing
                near = not shown.isdisjoint(lines)
                needs |= near and not before
                mentioned |= near
        return CallFlow(needs, mentioned, everything)

    def show(self, text: str, *, removed: bool = False) -> None:
        """Take a text of a result of the batch that was begun last.

        Parameters
        ----------
        text : str
        removed : bool
            A part of it was removed.
        """
        self._missing |= removed
        words = _words(text)
        self._named = self._named or any(map(_is_identifier, words))
        self._shown_now.update(self._of_interest(words))

    def _of_interest(self, words: list[bytes]) -> Collection[bytes]:
        if self._vocabulary is None:
            return words
        return self._vocabulary.intersection(words)


@lru_cache(maxsize=500)
def lines_near(number: int) -> frozenset[bytes]:
    """Write the numbers around one; limits and offsets are asked for again and again."""
    return frozenset(map(b"%d".__mod__, range(number - NEAR, number + NEAR + 1)))


def _words(text: str) -> list[bytes]:
    return text.encode("utf-8", "replace").translate(_SEPARATORS).split()


def argument_words(
    arguments: Any, texts: Sequence[str]
) -> tuple[set[bytes], list[int]]:
    """Separate the words of a call's arguments and the numbers that may be lines.

    Parameters
    ----------
    arguments : object
        JSON value.
    texts : sequence of str
        The texts in it.

    Returns
    -------
    words : set of bytes
    numbers : list of int

    Examples
    --------
    >>> argument_words({"path": "a.py", "offset": 120}, ["a.py"])[1]
    [120]
    """
    words = set(_words(without_counts(" ".join(texts))))
    lines = [w for w in filter(bytes.isdigit, words) if len(w) < SHORT_NUMBER]
    words.difference_update(lines)
    numbers = list(map(int, lines))
    if isinstance(arguments, dict) and "_flow" not in arguments:
        numbers += [v for v in arguments.values() if v.__class__ is int]
    return words, [n for n in numbers if LEAST_NUMBER <= n < LONG_NUMBER]


def _identifiers(words: set[bytes]) -> set[bytes]:
    return set(filter(_is_identifier, words - _COMMON))


def _is_identifier(word: bytes) -> bool:
    """Tell whether a word names something: long enough, and no common word.

    Examples
    --------
    >>> [
    ...     w
    ...     for w in (b"read_lines", b"the", b"12", b"x", b"4f2a01")
    ...     if _is_identifier(w)
    ... ]
    [b'read_lines', b'4f2a01']
    """
    if len(word) < 3 or (len(word) < SHORT_NUMBER and word.isdigit()):
        return False
    return word.lower() not in _COMMON
