"""The vocabulary that every room shares: units, errors, patches, waveforms, circuits, the case file and the results."""

__version__ = "0.1.0"
