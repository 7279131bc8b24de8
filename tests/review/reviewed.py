"""A session of our own making, imported for real and reviewed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.history.importers.claude_code.transcripts import Session, import_paths, write
from toolkit.history import RecordStore, read_store
from toolkit.review import Facts, Review, read_facts, review

__all__ = ["Talk", "facts_of", "import_sessions", "review_of", "rows"]

USAGE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 20_000,
    "cache_creation_input_tokens": 0,
    "output_tokens": 50,
}


class Talk:
    """Writes turns of one agent: every call takes a second, every reply three."""

    def __init__(self, session_id: str = "s1", latency_s: float = 3.0) -> None:
        self.session = Session(session_id)
        self.at_s = 0.0
        self.latency_s = latency_s
        self._turn = 0
        self.session.prompt(0.0)

    def turn(
        self,
        *calls: tuple[str, Mapping[str, Any], str],
        failed: tuple[int, ...] = (),
        tokens: int = 20_000,
        result_s: float = 1.0,
    ) -> "Talk":
        """One reply with calls `(tool, arguments, result)`, and their results."""
        self._turn += 1
        self.at_s += self.latency_s
        name = self.session.session_id
        ids = [f"toolu_{name}_{self._turn}_{place}" for place in range(len(calls))]
        for name, (tool, given, _) in zip(ids, calls, strict=True):
            self.session.call(
                self.at_s,
                name,
                tool,
                given,
                message=f"{self.session.session_id}-{self._turn}",
            )
            line = self.session.lines[-1]
            assert isinstance(line, dict)
            usage = {**USAGE, "cache_read_input_tokens": tokens}
            line["message"]["usage"] = usage
            line["requestId"] = f"r{self._turn}"
        for place, (name, (_, _, text)) in enumerate(zip(ids, calls, strict=True)):
            self.session.result(
                self.at_s + result_s, name, text, error=place in failed or None
            )
        self.at_s += result_s
        return self

    def read(self, path: str, shows: str = "nothing of interest") -> "Talk":
        """One turn that reads one file."""
        return self.turn(("Read", {"file_path": path}, shows))

    def prompt(self) -> "Talk":
        """A person writes, half a minute later."""
        self.at_s += 30
        self.session.prompt(self.at_s)
        return self


def import_sessions(folder: Path, *talks: Talk) -> Path:
    """Import sessions into a store in `folder`, and return the store's path."""
    for talk in talks:
        name = f"{talk.session.session_id}.jsonl"
        write(folder / "projects" / "-home-a" / name, talk.session.lines)
    with RecordStore(folder / "store") as store:
        import_paths(store, folder / "projects")
    return folder / "store"


def facts_of(folder: Path, *talks: Talk) -> Facts:
    """Import and read."""
    return read_facts(read_store(import_sessions(folder, *talks)))


def review_of(folder: Path, *talks: Talk) -> Review:
    """Import and review."""
    store = import_sessions(folder, *talks)
    return review(read_store(store))


def rows(mask: Any) -> list[int]:
    """Places of the batches that a mask chooses."""
    return [int(place) for place in np.flatnonzero(mask)]
