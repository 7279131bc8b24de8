"""Runs every benchmark: each module measures something side by side and prints it."""

import importlib

__all__ = ["BENCHMARKS"]

BENCHMARKS = (
    *("import_speed", "monitor_speed", "node_speed"),
    *("recommend_speed", "serve_speed"),
)
"""Modules of this folder, each with a `main` that prints its figures."""

if __name__ == "__main__":
    for name in BENCHMARKS:
        importlib.import_module(f"tests.benchmarks.{name}").main()
