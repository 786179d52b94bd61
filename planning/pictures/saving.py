"""Pictures as files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

RESOLUTION = 160
"""Pixels per inch."""


def save_picture(figure: Figure, path: Path) -> None:
    """Write a PNG file."""
    figure.savefig(path, dpi=RESOLUTION, metadata={"Software": None})
