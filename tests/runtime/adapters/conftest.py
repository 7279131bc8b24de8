"""Frameworks report nothing while they are tested."""

import os

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    CREWAI_TRACING_ENABLED="false",
    RAY_AUTH_MODE="disabled",  # or it writes a token into the home folder
    RAY_USAGE_STATS_ENABLED="0",
)
