"""Writes bundles: conversion, proof that the graph is the model, card, atomic install."""

from toolkit.export.converters import add_to_graph, to_onnx
from toolkit.export.graph import Graph
from toolkit.export.model_card import model_card
from toolkit.export.relative import add_member
from toolkit.export.verification import ROWS, probe_rows, verify_graph
from toolkit.export.writer import CARD_NAME, copy_bundle, write_bundle

__all__ = [
    "CARD_NAME",
    "ROWS",
    "Graph",
    "add_member",
    "add_to_graph",
    "copy_bundle",
    "model_card",
    "probe_rows",
    "to_onnx",
    "verify_graph",
    "write_bundle",
]
