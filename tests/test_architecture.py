"""The page of the house draws it as it is, and its walk names what exists."""

import re
from importlib import import_module

from tests.architecture import PAGE, drawn_house, page_with

MOST_STOPS = 25


def test_the_page_draws_the_house_as_it_is() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == page_with(drawn_house()), "run `python -m tests.architecture`"


def test_every_stop_of_the_walk_exists() -> None:
    page = PAGE.read_text(encoding="utf-8")
    stops = re.findall(r"^\d+\. `([\w.]+)`", page, re.MULTILINE)

    assert 15 <= len(stops) <= MOST_STOPS
    for stop in stops:
        module, _, name = stop.rpartition(".")
        if name[0].islower() and module.rpartition(".")[2][0].isupper():
            module, _, owner = module.rpartition(".")
            assert hasattr(getattr(import_module(module), owner), name), stop
        else:
            assert hasattr(import_module(module), name), stop
