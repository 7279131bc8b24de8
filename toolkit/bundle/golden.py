"""Golden rows: inputs with the outputs they must give before a bundle is trusted."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.bundle.feature_schema import Float32s
from toolkit.bundle.json_rules import array, number, optional, parse, section
from toolkit.errors import SchemaError
from toolkit.policies import Floats

__all__ = ["GOLDEN_NAME", "TOLERANCE", "GoldenRows"]

GOLDEN_NAME = "golden.json"
GOLDEN_MAX_BYTES = 2 << 20
MAX_ROWS = 64
TOLERANCE = 1e-5
"""Largest difference in log cost between the exported graph and the fitted model."""

FLOAT32 = 3.4e38


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenRows:
    """Encoded rows, shape (n, width), and their log costs, shape (n,)."""

    features: Float32s
    log_cost: Floats

    def dumps(self) -> str:
        """Write as JSON; a missing value is `null`.

        Returns
        -------
        str
        """
        rows = [
            [None if np.isnan(v) else float(v) for v in row] for row in self.features
        ]
        return json.dumps({"features": rows, "log_cost": self.log_cost.tolist()})

    @classmethod
    def loads(cls, text: bytes | str, *, width: int) -> "GoldenRows":
        """Read what `dumps` wrote.

        Parameters
        ----------
        text : bytes or str
        width : int
            Numbers in one row.

        Returns
        -------
        GoldenRows

        Raises
        ------
        SchemaError
            Where it is something else.
        """
        try:
            value: Any = parse(text)
        except ValueError as error:
            raise SchemaError("not JSON", field=GOLDEN_NAME) from error
        row = array(optional(number(-FLOAT32, FLOAT32)), least=width, most=width)
        section(
            {
                "features": array(row, least=1, most=MAX_ROWS),
                "log_cost": array(number(-100, 100), least=1, most=MAX_ROWS),
            }
        )(value, "")
        rows = [[np.nan if v is None else v for v in row] for row in value["features"]]
        log_cost = np.asarray(value["log_cost"], dtype=np.float64)
        if len(rows) != len(log_cost):
            raise SchemaError("shapes disagree", field=GOLDEN_NAME, got=len(rows))
        return cls(features=np.asarray(rows, dtype=np.float32), log_cost=log_cost)
