"""Tests against the real engines; `make test-engines`. Each skips where its engine is missing."""
