"""Prints a review on one screen, verdict first."""

from collections.abc import Sequence

from toolkit.escaping import printable
from toolkit.review.figure import Figure
from toolkit.review.history_review import Review
from toolkit.review.merge import APART, KINDS
from toolkit.review.spent import Spending, spending_by

__all__ = ["duration", "money", "render_text", "table", "thousands"]

MOST_ROWS = 8
"""Rows of a table by project, model, ... that one screen shows."""

MOST_UNSAID = 6


def render_text(found: Review, *, by: Sequence[str] = ()) -> str:
    """Write the review as plain text.

    Parameters
    ----------
    found : Review
    by : sequence of str
        Dimensions to split the spending by.

    Returns
    -------
    str
        Lines of at most 100 characters, but for names of figures.
    """
    parts = [_verdict(found), _spent(found.spent), _saved(found), _matched(found)]
    parts += [_lost(found), _agents(found), _changes(found), _unsaid(found)]
    parts += [_split(found, dimension) for dimension in by]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return printable(text, keep="\n")


def duration(seconds: float) -> str:
    """Write seconds as hours, minutes or seconds.

    Examples
    --------
    >>> duration(7260), duration(90), duration(4.2)
    ('2.0 h', '1.5 min', '4.2 s')
    """
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def thousands(count: float) -> str:
    """Write a large count short.

    Examples
    --------
    >>> thousands(950), thousands(12_300), thousands(1_530_000_000)
    ('950', '12.3 k', '1.53 G')
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if count >= size:
            return f"{count / (1e3 if unit == 'k' else size):,.3g} {unit}"
    return f"{count:,.0f}"


def counted(*figures: Figure) -> str:
    """Write a sum of tokens short; `unknown` where the logs hold none of them.

    Examples
    --------
    >>> counted(Figure(name="m", value=12_300.0, unit="tokens", unknown=3))
    '12.3 k'
    >>> counted(Figure(name="m", value=0.0, unit="tokens", unknown=3))
    'unknown'
    """
    count = sum(figure.value for figure in figures)
    if not count and any(figure.unknown for figure in figures):
        return "unknown"
    return thousands(count)


def money(figure: Figure) -> str:
    """Write US dollars; `no price` where nothing is priced.

    Examples
    --------
    >>> money(Figure(name="m", value=1250.85, unit="USD"))
    '$1,250.85'
    >>> money(Figure(name="m", value=0.0, unit="USD", unknown=3))
    'no price'
    """
    if not figure.value and figure.unknown:
        return "no price"
    return f"${figure.value:,.2f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in columns, the first left and the others right.

    Examples
    --------
    >>> print(table(["kind", "turns"], [["read", "12"], ["edit", "3"]]))
    kind  turns
    read     12
    edit      3
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _verdict(found: Review) -> str:
    first, last = found.span
    low, high = found.merging["all"].latency
    turns = found.merging["all"].turns
    batches = max(found.spent.batches.value, 1)
    said = (
        f"{first:%Y-%m-%d} to {last:%Y-%m-%d}: "
        f"{turns[0].value / batches:.0%} to {turns[1].value / batches:.0%} of the turns "
        f"with calls could have ridden with the one before\n"
        f"({turns[0].value:,.0f} to {turns[1].value:,.0f} turns, "
        f"{duration(low.value)} to {duration(high.value)}"
    )
    dear = found.merging["all"].money
    if dear[1].value:
        said += f", {money(dear[0])} to {money(dear[1])}"
    return said + ")."


def _spent(spent: Spending) -> str:
    said = (
        f"SPENT    {spent.turns.value:,.0f} turns, {spent.calls.value:,.0f} calls in "
        f"{spent.batches.value:,.0f} batches\n"
        f"         models {duration(spent.latency.value)}, calls "
        f"{duration(spent.working.value)}\n"
        f"         tokens {counted(spent.tokens_in, spent.tokens_written)} in, "
        f"{counted(spent.tokens_cached)} cached, {counted(spent.tokens_out)} out; "
        f"{money(spent.money)}"
    )
    if spent.money.unknown and spent.money.value:
        said += (
            f" ({spent.money.unknown:,} replies, {spent.unpriced:.1%} of the tokens, "
            "unpriced)"
        )
    return said


def _saved(found: Review) -> str:
    rows = []
    for kind in (*KINDS, *APART, "all"):
        bounds = found.merging[kind]
        if not bounds.turns[1].value:
            continue
        rows.append(
            [
                kind if kind not in APART else f"{kind} (in no total)",
                *(f"{side.value:,.0f}" for side in bounds.turns),
                *(duration(side.value) for side in bounds.latency),
                *(counted(side) for side in bounds.tokens),
            ]
        )
    if not rows:
        return ""
    header = ["BATCHING  at least, at most", "turns", "", "time", "", "tokens", ""]
    return table(header, rows)


def _matched(found: Review) -> str:
    rows = [
        [
            f"{each.work} {each.sizes}",
            f"{each.ratio:.2f}x",
            f"[{each.low:.2f}, {each.high:.2f}]",
            f"{each.pairs:,}",
            "yes" if each.identified else "not identified",
        ]
        for each in found.matched
    ]
    if not rows:
        return ""
    header = ["SIZE  seconds per operation", "ratio", "95 %", "pairs", "placebos pass"]
    return table(header, rows)


def _lost(found: Review) -> str:
    lost = found.losses
    return (
        f"LOST     {lost.siblings.value:,.0f} calls given up in "
        f"{lost.cascades.value:,.0f} batches ({duration(lost.reissued.value)} to do "
        f"again), {lost.refused.value:,.0f} refused, "
        f"{lost.interrupted.value:,.0f} interrupted\n"
        f"         {duration(lost.serial.value)} in batches whose calls ran one after "
        "another"
    )


def _agents(found: Review) -> str:
    seen = found.waves
    if not seen.waves.value:
        return ""
    said = (
        f"AGENTS   {seen.runs.value:,.0f} runs in {seen.waves.value:,.0f} waves, "
        f"{seen.parallel.value:,.0f} with two or more at once"
    )
    if seen.speed_up.records:
        said += (
            f"; speed-up {seen.speed_up.value:.2f}x in the median, "
            f"{duration(seen.saved.value)} saved"
        )
    if seen.missed.value:
        said += (
            f"\n         at most {duration(seen.missed.value)} more, where single runs "
            "followed one another"
        )
    return said


def _changes(found: Review) -> str:
    lines = [
        f"{place}. {change.what}\n   {duration(change.seconds[0])} to "
        f"{duration(change.seconds[1])}; {change.evidence} "
        f"(--explain {change.figure})"
        for place, change in enumerate(found.changes, start=1)
    ]
    return "WORTH MOST\n" + "\n".join(lines) if lines else ""


def _unsaid(found: Review) -> str:
    said = found.unsaid()
    rest = len(said) - MOST_UNSAID
    lines = [f"- {line}" for line in said[:MOST_UNSAID]]
    if rest > 0:
        lines.append(f"- and {rest} more (--json lists all)")
    return "CANNOT BE SAID\n" + "\n".join(lines)


def _split(found: Review, dimension: str) -> str:
    parts = spending_by(found.facts, dimension)
    rows = [
        [
            name,
            f"{spent.turns.value:,.0f}",
            f"{spent.calls.value:,.0f}",
            duration(spent.latency.value),
            duration(spent.working.value),
            counted(spent.tokens_out),
            money(spent.money),
        ]
        for name, spent in parts.items()
    ]
    more = len(rows) - MOST_ROWS
    header = [f"BY {dimension.upper()}", "turns", "calls", "models", "calls took"]
    text = table([*header, "tokens out", "money"], rows[:MOST_ROWS])
    return text + (f"\nand {more} more (--json lists all)" if more > 0 else "")
