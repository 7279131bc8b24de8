"""records/sources."""
