"""Bedside data to a personalised, continuously updated lumped model."""
