"""The manifest of a bundle: all that the runtime must know beside the graph itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.bundle.feature_schema import Column, FeatureSchema, read_columns
from toolkit.bundle.format_one import from_format_one
from toolkit.bundle.json_rules import parse
from toolkit.bundle.manifest_rules import METHOD, check_manifest, check_meaning
from toolkit.bundle.outcome_bounds import CONSTRAINTS
from toolkit.bundle.support import Support
from toolkit.errors import BundleRefusedError, SchemaError
from toolkit.policies import Evidence
from toolkit.policies.rules import rule_numbers

__all__ = [
    "MANIFEST_NAME",
    "SCHEMA_VERSION",
    "Conformal",
    "Fallback",
    "Manifest",
    "RungSpec",
]

SCHEMA_VERSION = 2
CONSTRAINED_VERSION = 3
"""Of a manifest with constraints: a reader that cannot obey them refuses it by this."""
MANIFEST_NAME = "manifest.json"
MANIFEST_MAX_BYTES = 2 << 20
"""A manifest is a page, not a data set; a larger one is refused unread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformal:
    """Interval and difference quantiles from cross-fitting over groups, in log cost.

    Attributes
    ----------
    level : float
        Nominal coverage of the interval, 0 to 1.
    low, high : float
        Added to the predicted log cost.
    probabilities, differences : tuple of float
        Quantiles of the error of a predicted difference between two actions.
    groups : int
        Groups they were computed from.
    """

    level: float
    low: float
    high: float
    probabilities: tuple[float, ...]
    differences: tuple[float, ...]
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """The rule that answers when the model may not, with its parameters.

    Attributes
    ----------
    rule : str
        `batch_size_rule`, `agent_count_rule` or `constant`.
    constant : float
        Answer where the rule has none.
    parameters : mapping
        All numbers of the rule (`rule_numbers`); the specification's are added where
        one is not given, so that a bundle keeps the rule that it was exported with.
    """

    rule: str
    constant: float
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Complete the rule's numbers."""
        numbers = rule_numbers(self.rule, self.parameters)
        object.__setattr__(self, "parameters", numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class RungSpec:
    """One rung of the ladder above the rule, with what it was shown to be worth.

    Attributes
    ----------
    name : str
        `tuned rule`, `best constant` or `learned`.
    rule : str
        A rule by name, `constant`, or `learned`: the graph.
    evidence : Evidence
    constant : float
        The constant, or the answer where the rule has none.
    parameters : mapping
        All numbers of the rule, completed as those of `Fallback`.
    """

    name: str
    rule: str
    evidence: Evidence
    constant: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Complete the rule's numbers."""
        numbers = rule_numbers(self.rule, self.parameters)
        object.__setattr__(self, "parameters", numbers)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name; `from_json` reads it back.
        """
        return {
            "name": self.name,
            "rule": self.rule,
            "constant": self.constant,
            "parameters": dict(self.parameters),
            "evidence": self.evidence.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "RungSpec":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping
            Checked by `check_manifest` before.

        Returns
        -------
        RungSpec
        """
        return cls(
            name=str(value["name"]),
            rule=str(value["rule"]),
            evidence=Evidence.from_json(value["evidence"]),
            constant=float(value["constant"]),
            parameters=dict(value["parameters"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything a runtime needs to use, doubt or refuse a model.

    Attributes
    ----------
    name, version : str
    decision : str
        One of `DECISIONS`.
    created_at, expires_at : datetime
        Aware, UTC; after expiry the rule answers.
    feature_schema : FeatureSchema
    actions : tuple of float
        Actions that may be recommended, ascending; empty where each problem brings its
        own.
    support : Support
    minimum_support : float
        Past rows an action needs.
    fallback : Fallback
    conformal : Conformal
    guard_level : float
        One-sided level of the bound on learned - rule, 0.5 to 1.
    adaptation_rate : float
        Share of the observed error that corrects the prediction, 0 to 1.
    adaptation_every : int
        Operations between corrections.
    cost_unit : str
    training : mapping
        Window, record counts and fingerprint of the training data.
    metrics : mapping
        Figures with intervals from the experiment.
    files : mapping of str to str
        SHA-256 of every other file.
    ladder : tuple of RungSpec
        The rungs above the rule, ascending, each with its evidence; without any the
        rule answers.
    extra : mapping
        Sections of other rooms (stack, constraints, thresholds), by name.
    """

    name: str
    version: str
    decision: str
    created_at: datetime
    expires_at: datetime
    feature_schema: FeatureSchema
    actions: tuple[float, ...]
    support: Support
    minimum_support: float
    fallback: Fallback
    conformal: Conformal
    guard_level: float
    adaptation_rate: float
    adaptation_every: int
    cost_unit: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    files: Mapping[str, str]
    ladder: tuple[RungSpec, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level_columns(self) -> tuple[Column, ...]:
        """What the level of costs reads beside the context of the model."""
        level = self.extra.get("stack", {}).get("level") or {}
        return read_columns(level.get("columns", ()))

    @property
    def context_columns(self) -> tuple[Column, ...]:
        """Every column of a context that an answer depends on."""
        return (*self.feature_schema.context, *self.level_columns)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name; `from_json` reads it back.
        """
        return {
            "schema_version": CONSTRAINED_VERSION
            if CONSTRAINTS in self.extra
            else SCHEMA_VERSION,
            "method": dict(METHOD),
            "name": self.name,
            "version": self.version,
            "decision": self.decision,
            "created_at": self.created_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "feature_schema": self.feature_schema.to_json(),
            "actions": list(self.actions),
            "support": self.support.to_json(),
            "minimum_support": self.minimum_support,
            "fallback": {
                "rule": self.fallback.rule,
                "constant": self.fallback.constant,
                "parameters": dict(self.fallback.parameters),
            },
            "conformal": {
                "level": self.conformal.level,
                "low": self.conformal.low,
                "high": self.conformal.high,
                "probabilities": list(self.conformal.probabilities),
                "differences": list(self.conformal.differences),
                "groups": self.conformal.groups,
            },
            "guard_level": self.guard_level,
            "adaptation_rate": self.adaptation_rate,
            "adaptation_every": self.adaptation_every,
            "cost_unit": self.cost_unit,
            "training": dict(self.training),
            "metrics": dict(self.metrics),
            "files": dict(self.files),
            "ladder": [rung.to_json() for rung in self.ladder],
            "extra": dict(self.extra),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Manifest":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        Manifest

        Raises
        ------
        SchemaError
            Naming the first field that is missing, unknown, or holds what it may not.
        """
        version = value.get("schema_version")
        if version == 1:
            value = from_format_one(value)
        elif version not in (SCHEMA_VERSION, CONSTRAINED_VERSION):
            raise SchemaError(
                f"this toolkit reads versions 1 to {CONSTRAINED_VERSION}",
                field="schema_version",
                got=version,
                fix="export the model again",
            )
        check_manifest(value)
        manifest = cls._parse(value)
        check_meaning(manifest)
        return manifest

    @classmethod
    def _parse(cls, value: Mapping[str, Any]) -> "Manifest":
        conformal, fallback = value["conformal"], value["fallback"]
        return cls(
            name=str(value["name"]),
            version=str(value["version"]),
            decision=str(value["decision"]),
            created_at=_time(value["created_at"]),
            expires_at=_time(value["expires_at"]),
            feature_schema=FeatureSchema.from_json(value["feature_schema"]),
            actions=tuple(map(float, value["actions"])),
            support=Support.from_json(value["support"]),
            minimum_support=float(value["minimum_support"]),
            fallback=Fallback(
                rule=str(fallback["rule"]),
                constant=float(fallback["constant"]),
                parameters=dict(fallback["parameters"]),
            ),
            conformal=Conformal(
                level=float(conformal["level"]),
                low=float(conformal["low"]),
                high=float(conformal["high"]),
                probabilities=tuple(map(float, conformal["probabilities"])),
                differences=tuple(map(float, conformal["differences"])),
                groups=int(conformal["groups"]),
            ),
            guard_level=float(value["guard_level"]),
            adaptation_rate=float(value["adaptation_rate"]),
            adaptation_every=int(value["adaptation_every"]),
            cost_unit=str(value["cost_unit"]),
            training=dict(value["training"]),
            metrics=dict(value["metrics"]),
            files={str(name): str(hash_) for name, hash_ in value["files"].items()},
            ladder=tuple(map(RungSpec.from_json, value["ladder"])),
            extra=dict(value["extra"]),
        )

    @classmethod
    def loads(cls, content: bytes, *, path: Path) -> "Manifest":
        """Read the content of a bundle's manifest.

        Parameters
        ----------
        content : bytes
        path : path
            The bundle, for errors.

        Returns
        -------
        Manifest

        Raises
        ------
        BundleRefusedError
            Where it is not JSON, or breaks a rule.
        """
        try:
            value = parse(content)
        except ValueError as error:
            raise BundleRefusedError(
                f"{MANIFEST_NAME} is not JSON", path=path
            ) from error
        if not isinstance(value, dict):
            raise BundleRefusedError(f"{MANIFEST_NAME} is not an object", path=path)
        try:
            return cls.from_json(value)
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            # Most are a `SchemaError`; the others would be a rule that is too lax.
            raise BundleRefusedError(f"{MANIFEST_NAME}: {error}", path=path) from error


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
