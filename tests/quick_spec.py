"""The smallest specification that trains: one linear member, two folds, one trial."""

__all__ = ["quick_spec"]


def quick_spec(decision: str, *, name: str = "quick") -> str:
    """Write one as TOML; further sections can be put behind it."""
    return f"""
name = "{name}"
decision = "{decision}"
question = "A small one, to try the loop."
seed = 1
[split]
outer_folds = 2
inner_folds = 2
[search]
trials = 1
members = ["linear"]
[bundle]
name = "{name}"
"""
