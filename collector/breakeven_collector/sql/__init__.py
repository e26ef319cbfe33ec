"""Read-only SQL at /clickhouse/: what is asked is taken apart, checked against lists, and run within limits."""
