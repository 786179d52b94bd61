"""The environment that builds itself: what ``scripts/env`` is made of.

It runs before anything is installed, so it is standard library alone (Python 3.11 or newer).
"""
