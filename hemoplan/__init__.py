"""The vocabulary that every room shares: units, errors, patches, waveforms, circuits, case file and results."""

__version__ = "0.1.0"
