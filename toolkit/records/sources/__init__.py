"""Importers, one for each format, and the one way they are all driven.

A new source is a class that follows `base.Source` and one line in `catalogue.SOURCES`;
its module is loaded when it is asked for.
"""

from toolkit.records.sources.base import Sink, Source, run_import
from toolkit.records.sources.catalogue import SOURCES, open_source
from toolkit.records.sources.report import ImportReport

__all__ = ["SOURCES", "ImportReport", "Sink", "Source", "open_source", "run_import"]
