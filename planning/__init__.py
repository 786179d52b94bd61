"""Variants, the run pipeline, comparison, report and command line."""
