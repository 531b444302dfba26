"""What no setting and no option may go beyond, so that nothing that is given it overflows."""

MOST_SECONDS = 1_000_000_000
"""Three decades; clocks, timers and DuckDB count further."""
MOST_WORKERS = 1_024
"""Reading processes."""
