"""The stages of a run, from the scan to the report: each says what it depends on, what it makes, and makes it."""
