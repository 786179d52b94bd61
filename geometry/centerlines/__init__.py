"""Centrelines with inscribed radius, bifurcations and stations."""
