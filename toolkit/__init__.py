"""Learns the best batch size and agent count of a swarm from its own history.

The rooms, from the ground up: `records` (what happened), `stats` (streaming
statistics), `metrics` (how good), `policies` (prediction to action), `baselines` (the
rules), `bundle` (what the runtime loads), `features` and `models` (learning), `export`
(writing bundles), `experiments` and `runtime` (the two towers), `cli`.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
