"""Functions written for one record class, as `dataclasses` writes its `__init__`.

Every record is checked once and written once, field by field; with forty fields a loop
over rules is most of what an import costs. The functions here do the same without the
loop: one statement a field, made from the field's rule when the class is first used. An
import makes a hundred thousand rows that are never looked at as objects: `compile_row` checks
and writes one in a single pass over its arguments, in a third of the time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

__all__ = ["FieldLike", "compile_check", "compile_known", "compile_row"]


class FieldLike(Protocol):
    """What is read of a field's rule."""

    @property
    def name(self) -> str:
        """Name of the field: an identifier."""
        ...

    @property
    def optional(self) -> bool:
        """Whether it may be `None`."""
        ...

    def quick_test(self, value: str) -> str:
        """Write an expression of a variable, true where the rule must look closer."""
        ...

    def look(self, value: Any) -> None:
        """Raise unless the value has this field's type and range."""
        ...


def compile_check(
    rules: Sequence[FieldLike], names: Mapping[str, Any]
) -> Callable[[Any], None]:
    """Make the function that checks every field of a record.

    Parameters
    ----------
    rules : sequence of FieldLike
    names : mapping
        What the rules' expressions refer to.
    """
    lines = ["def check(record):"]
    for number, rule in enumerate(rules):
        test = rule.quick_test("value")
        given = f"value is not None and ({test})" if rule.optional else test
        lines += [
            f"    value = record.{rule.name}",
            f"    if {given}: look_{number}(value)",
        ]
    looks = {f"look_{number}": rule.look for number, rule in enumerate(rules)}
    check: Callable[[Any], None] = _compiled("check", lines, {**names, **looks})
    return check


def compile_known(rules: Sequence[FieldLike]) -> Callable[[Any], dict[str, Any]]:
    """Make the function that gives a record's kind and its known fields, in order."""
    lines = ["def known(record):", "    row = {'kind': record.kind}"]
    for rule in rules:
        if rule.optional:
            lines += [
                f"    value = record.{rule.name}",
                f"    if value is not None: row['{rule.name}'] = value",
            ]
        else:
            lines.append(f"    row['{rule.name}'] = record.{rule.name}")
    lines.append("    return row")
    known: Callable[[Any], dict[str, Any]] = _compiled("known", lines, {})
    return known


def compile_row(
    kind: str,
    rules: Sequence[FieldLike],
    defaults: Mapping[str, Any],
    names: Mapping[str, Any],
) -> Callable[..., dict[str, Any]]:
    """Make the function that checks a record's fields and gives its known ones, in order.

    Parameters
    ----------
    kind : str
    rules : sequence of FieldLike
    defaults : mapping of str to object
        Values of fields that need not be given.
    names : mapping
        What the rules' expressions refer to.

    Returns
    -------
    callable
        Takes the fields by name, as the record's class does.
    """
    given = [
        f"{rule.name}=default_{number}" if rule.name in defaults else rule.name
        for number, rule in enumerate(rules)
    ]
    lines = [f"def row(*, {', '.join(given)}):", f"    row = {{'kind': {kind!r}}}"]
    for number, rule in enumerate(rules):
        indent = "    "
        if rule.optional:
            lines.append(f"    if {rule.name} is not None:")
            indent = "        "
        lines += [
            f"{indent}if {rule.quick_test(rule.name)}: look_{number}({rule.name})",
            f"{indent}row['{rule.name}'] = {rule.name}",
        ]
    lines.append("    return row")
    space = dict(names)
    for number, rule in enumerate(rules):
        space[f"look_{number}"] = rule.look
        space[f"default_{number}"] = defaults.get(rule.name)
    row: Callable[..., dict[str, Any]] = _compiled("row", lines, space)
    return row


def _compiled(name: str, lines: Sequence[str], names: Mapping[str, Any]) -> Any:
    space = dict(names)
    exec("\n".join(lines), space)  # noqa: S102 - built from our own field names alone
    return space[name]
