"""Writes bundles: conversion, proof that the graph is the model, card, atomic install."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
