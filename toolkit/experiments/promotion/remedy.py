"""What to do about records that can show nothing, and about how long that takes."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["remedy"]

SHARE = 0.2
"""Share of batches whose size is tried: a fifth of them costs a little and tells soon."""

DAY_S = 86_400.0

HOOKED = frozenset({"claude-code", "hooks"})
"""Sources of sessions that our hooks can explore in."""


def remedy(rows: "pd.DataFrame", *, decision: str, groups: int) -> str:
    """Say what would bring the groups that are missing.

    Parameters
    ----------
    rows : DataFrame
        From `teaching_rows`.
    decision : str
        `batch_size` or `agent_count`.
    groups : int
        How many more groups are needed, above 0.

    Returns
    -------
    str
        One sentence.
    """
    if decision != "batch_size":
        return (
            "run some tasks with several numbers of agents each, and give the runs of "
            "one task one `context_id`; `toolkit records measure` does so on this machine"
        )
    sources = set(rows["source"].astype(str))
    if not sources & HOOKED:
        return (
            "run some work at several batch sizes, and give the rows of one piece of work "
            "one `context_id`"
        )
    begin = f"`toolkit hooks install --advice on --bundle DIR --explore {SHARE:g}`"
    days = _days(rows, groups)
    if days is None:
        return f"{begin} tries sizes at random and records the chance"
    return (
        f"{begin} tries sizes at random and records the chance; at this rate of work "
        f"about {days} {'day' if days == 1 else 'days'} would do"
    )


def _days(rows: "pd.DataFrame", groups: int) -> int | None:
    """Estimate the days until so many groups had two sizes; `None` without a rate.

    A group of n batches has a size that was tried and one that was not with probability
    1 - (1 - s)^n - s^n, where s is the share that is tried.
    """
    took_s = float((rows["at"].max() - rows["at"].min()).total_seconds())
    if not took_s > 0:
        return None
    sizes = rows.groupby("group").size().to_numpy(dtype="float64")
    useful = float((1 - (1 - SHARE) ** sizes - SHARE**sizes).sum())
    if not useful > 0:
        return None
    return max(1, math.ceil(groups / useful * max(took_s / DAY_S, 1.0)))
