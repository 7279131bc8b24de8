"""`toolkit model`: export, verify and describe bundles; other verbs join by a table."""

import argparse
import importlib
from typing import Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table, print_text
from toolkit.cli.places import local
from toolkit.errors import UsageError

__all__ = ["VERBS", "add_parser"]

VERBS = ("key", "promote", "rollback")
"""Verbs in a module of their own, `toolkit.cli.model.<verb>`, with `add_verb`."""


def add_parser(subparsers: Any) -> None:
    """Add the noun and its verbs."""
    parser = subparsers.add_parser("model", help="export and verify models")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    export = verbs.add_parser(
        "export", help="copy a run's bundle to where a runtime loads it, verified"
    )
    export.add_argument("work", type=local, metavar="RUN", help="folder of a run")
    export.add_argument(
        "target", type=local, metavar="DIR", help="the bundle's new home"
    )
    export.add_argument(
        "--sign",
        action="store_true",
        help="vouch for a run's bundle and sign it with this machine's key; without "
        "it, a bundle that is not signed is refused where a key is installed",
    )
    export.set_defaults(command=_export)
    verify = verbs.add_parser("verify", help="check a bundle as the runtime would")
    verify.add_argument("bundle", type=local, metavar="DIR")
    verify.set_defaults(command=_verify)
    card = verbs.add_parser("card", help="print a bundle's model card")
    card.add_argument("bundle", type=local, metavar="DIR")
    card.set_defaults(command=_card)
    for each in (export, verify):
        add_json_option(each)
    for verb in VERBS:
        importlib.import_module(f"toolkit.cli.model.{verb}").add_verb(verbs)


def _export(options: argparse.Namespace) -> int:
    from toolkit.bundle import installed_key, key_path
    from toolkit.cli.model.advice import advice_of
    from toolkit.export import copy_bundle

    source = options.work / "bundle"
    if options.sign and installed_key() is None:
        raise UsageError(
            f"no signing key in {key_path()}; make one with `toolkit model key --new`"
        )
    bundle = copy_bundle(
        source,
        options.target,
        extra_files=advice_of(source, signed=not options.sign),
        signed=not options.sign,
    )
    return _describe(bundle, as_json=options.json)


def _verify(options: argparse.Namespace) -> int:
    from toolkit.bundle import read_bundle

    return _describe(read_bundle(options.bundle), as_json=options.json)


def _card(options: argparse.Namespace) -> int:
    from toolkit.bundle import read_bundle

    bundle = read_bundle(options.bundle)
    print_text(bundle.files["MODEL_CARD.md"].decode("utf-8"))
    return 0


def _describe(bundle: Any, *, as_json: bool) -> int:
    from toolkit.clock import SystemClock

    manifest = bundle.manifest
    facts = {
        "bundle": str(bundle.path),
        "name": manifest.name,
        "version": manifest.version,
        "decision": manifest.decision,
        "created_at": manifest.created_at.isoformat(),
        "expires_at": manifest.expires_at.isoformat(),
        "files": len(manifest.files) + 2,
        "signed_by": bundle.signed_by,
        "columns": list(manifest.feature_schema.names),
        "training": dict(manifest.training),
        "metrics": dict(manifest.metrics),
    }
    if as_json:
        print_json(facts)
        return 0
    print_table(
        ["what", "value"],
        [[name, value] for name, value in facts.items() if not isinstance(value, dict)],
    )
    signature = "signature" if bundle.signed_by else "no signature asked for"
    print_note(f"every check passed: sizes, hashes, graph, golden rows; {signature}")
    if SystemClock().now() >= manifest.expires_at:
        print_note(f"it expired on {manifest.expires_at:%Y-%m-%d}: the rule answers")
    return 0
