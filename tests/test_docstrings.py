"""Public functions document their parameters, values and errors (CONTRIBUTING.md)."""

import pytest

from tests.docstrings import SECTIONS, Function, public_functions

# The first of them imports every room, and reads the source of every function.
pytestmark = pytest.mark.timeout(240)

FLOOR = 0.8


@pytest.fixture(scope="module")
def functions() -> list[Function]:
    return public_functions()


@pytest.mark.parametrize("section", SECTIONS)
def test_most_public_functions_have_the_section(
    section: str, functions: list[Function]
) -> None:
    needing = [function for function in functions if section in function.needs]
    lacking = [function.where for function in needing if section not in function.has]

    assert len(lacking) <= (1 - FLOOR) * len(needing), "\n".join(lacking)


def test_the_public_functions_are_found(functions: list[Function]) -> None:
    names = {function.where.rpartition(" ")[2] for function in functions}

    assert {"read_bundle", "RecordStore.add_all", "Bundle.policy", "review"} <= names


def test_a_parameters_section_describes_every_parameter_and_no_other(
    functions: list[Function],
) -> None:
    wrong = {
        function.where: sorted(function.undocumented | function.unknown)
        for function in functions
        if function.undocumented or function.unknown
    }

    assert wrong == {}
