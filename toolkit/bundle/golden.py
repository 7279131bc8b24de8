"""Golden rows: inputs with the outputs they must give before a bundle is trusted."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.bundle.feature_schema import Float32s
from toolkit.errors import SchemaError
from toolkit.policies import Floats

__all__ = ["GOLDEN_NAME", "TOLERANCE", "GoldenRows"]

GOLDEN_NAME = "golden.json"
TOLERANCE = 1e-5
"""Largest difference in log cost between the exported graph and the fitted model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenRows:
    """Encoded rows, shape (n, width), and their log costs, shape (n,)."""

    features: Float32s
    log_cost: Floats

    def dumps(self) -> str:
        """Write as JSON; a missing value is `null`."""
        rows = [
            [None if np.isnan(v) else float(v) for v in row] for row in self.features
        ]
        return json.dumps({"features": rows, "log_cost": self.log_cost.tolist()})

    @classmethod
    def loads(cls, text: bytes | str) -> "GoldenRows":
        """Read what `dumps` wrote.

        Raises
        ------
        SchemaError
            Where it is something else.
        """
        try:
            value = json.loads(text)
            features = np.asarray(_numbers(value["features"]), dtype=np.float32)
            log_cost = np.asarray(value["log_cost"], dtype=np.float64)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SchemaError("not golden rows", field=GOLDEN_NAME) from error
        if (
            features.ndim != 2
            or log_cost.shape != (len(features),)
            or not len(features)
        ):
            raise SchemaError("shapes disagree", field=GOLDEN_NAME, got=features.shape)
        return cls(features=features, log_cost=log_cost)


def _numbers(rows: Sequence[Sequence[Any]]) -> list[list[float]]:
    return [[np.nan if v is None else float(v) for v in row] for row in rows]
