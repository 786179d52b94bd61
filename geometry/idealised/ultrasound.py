"""Echo-like images of an anatomy: a sector of beams, with speckle, attenuation, and a blur that grows with depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from geometry.idealised.anatomy import Anatomy
from geometry.idealised.cover import Grid, grid_of
from geometry.idealised.phantom import as_image, paint_tissues
from geometry.imaging.image import Image
from hemoplan.arrays import FloatArray

WHITE = 255.0
"""Brightest value of an image."""
STANDOFF = 8.0e-3
"""Distance of the probe from the field of view [m]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ultrasound:
    """Three-dimensional echocardiography of a newborn.

    Attributes:
        view: Where the probe stands: above (`suprasternal`, looking down) or in front (`parasternal`, looking back).
        spacing: Voxel edge [m].
        sector: Full opening angle of the pyramid of beams [rad].
        axial: Standard deviation of the point spread along the beam [m].
        lateral: Standard deviation of the point spread across it, as an angle [rad].
        frequency: Centre frequency [MHz].
        attenuation: Of soft tissue, one way [dB/cm/MHz].
        compensation: Share of the attenuation that the time-gain compensation makes good.
        blood: Echo amplitude of blood, relative to soft tissue.
        noise: Amplitude of the electronic noise, relative to soft tissue at the probe.
        dynamic_range: Range of the logarithmic grey scale [dB].
    """

    view: Literal["suprasternal", "parasternal"] = "suprasternal"
    spacing: float = 0.5e-3
    sector: float = np.radians(80.0)
    axial: float = 0.15e-3
    lateral: float = np.radians(0.7)
    frequency: float = 8.0
    attenuation: float = 0.5
    compensation: float = 0.8
    blood: float = 0.08
    noise: float = 0.02
    dynamic_range: float = 55.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probe:
    """Apex of the beams [m], and the axes of azimuth, elevation and (downwards) the middle beam."""

    apex: FloatArray
    across: int
    up: int
    along: int


def scan_echo(anatomy: Anatomy, scanner: Ultrasound | None = None, *, seed: int = 0) -> Image:
    """Scan an anatomy by ultrasound.

    On a grid of range and two beam angles, complex Gaussian scatterers of the tissues' echo amplitude are blurred by
    the point spread, which makes fully developed speckle (Rayleigh distributed; Wagner, Insana and Brown, J Opt Soc Am
    A 1987;4:910–922, doi:10.1364/josaa.4.000910); depth attenuates, the envelope is compressed logarithmically and
    converted to voxels. Voxels outside of the sector are 0.

    Args:
        anatomy: What is scanned. Vessels are dark, soft tissue grey, bone and lung bright.
        scanner: How; None: the defaults.
        seed: The same seed gives the same image.
    """
    how = Ultrasound() if scanner is None else scanner
    spacing = np.full(3, how.spacing)
    grid = grid_of(anatomy, spacing)
    echoes = paint_tissues(anatomy, grid, lambda hounsfield: _echo(hounsfield, anatomy, how.blood))
    probe = _probe(anatomy, how)
    ranges, azimuth, elevation = _beam_coordinates(grid, probe)
    inside = (np.abs(azimuth) < 0.5 * how.sector) & (np.abs(elevation) < 0.5 * how.sector)
    voxels = np.zeros(grid.shape, dtype=np.float32)
    if not inside.any():
        return as_image(voxels, grid)
    where = np.stack([np.broadcast_to(part, grid.shape)[inside] for part in (ranges, azimuth, elevation)])
    steps = np.array([how.axial, how.lateral, how.lateral])
    first = np.array([float(where[0].min()), -0.5 * how.sector, -0.5 * how.sector])
    last = np.array([float(where[0].max()), 0.5 * how.sector, 0.5 * how.sector])
    lattice = [
        low + step * np.arange(int((high - low) / step) + 2)
        for low, high, step in zip(first, last, steps, strict=True)
    ]
    envelope = _envelope(echoes, grid, probe, lattice, how, seed)
    level = 1.0 + 20.0 * np.log10(np.maximum(envelope, 1e-12)) / how.dynamic_range
    grey = WHITE * np.clip(level, 0.0, 1.0).astype(np.float32)
    where -= first[:, None].astype(np.float32)
    where /= steps[:, None].astype(np.float32)
    voxels[inside] = map_coordinates(grey, where, order=1, mode="nearest")
    return as_image(voxels, grid)


def _envelope(
    echoes: NDArray[np.float32],
    grid: Grid,
    probe: _Probe,
    lattice: list[FloatArray],
    how: Ultrasound,
    seed: int,
) -> NDArray[np.float32]:
    """Amplitude on a lattice of range, azimuth and elevation; a tenth for the mean of soft tissue at the probe."""
    ranges, azimuth, elevation = lattice
    across, up = np.broadcast_arrays(np.tan(azimuth)[:, None], np.tan(elevation)[None, :])
    length = np.sqrt(1.0 + across**2 + up**2)
    cosines = {probe.across: across / length, probe.up: up / length, probe.along: -1.0 / length}
    rng = np.random.default_rng(seed)
    shape = (len(ranges), len(azimuth), len(elevation))
    index = np.empty((3, *shape), dtype=np.float32)
    for axis, cosine in cosines.items():
        place = ranges[:, None, None] * cosine[None] + probe.apex[axis]
        index[axis] = (place - grid.lower[axis]) / grid.spacing[axis]
    strength = map_coordinates(echoes, index, order=1, mode="nearest")
    # White scatterers blurred by one cell on every axis; the blur leaves 1 / (2 sqrt(pi))³ of their power.
    power = (2.0 * np.sqrt(np.pi)) ** 1.5
    channels = [
        gaussian_filter(strength * rng.standard_normal(shape, dtype=np.float32), 1.0, mode="nearest") * power
        for _ in range(2)
    ]
    loss = 2.0 * how.attenuation * how.frequency * 100.0 * (1.0 - how.compensation)
    fading = 10.0 ** (-loss * (ranges - ranges[0]) / 20.0).astype(np.float32)[:, None, None]
    noise = [how.noise * rng.standard_normal(shape, dtype=np.float32) for _ in range(2)]
    real, imaginary = (fading * channel + hiss for channel, hiss in zip(channels, noise, strict=True))
    # The mean of a Rayleigh distribution is sqrt(pi / 2) of the channels' deviation.
    return np.asarray(np.hypot(real, imaginary) * (0.1 / np.sqrt(0.5 * np.pi)))


def _echo(hounsfield: float, anatomy: Anatomy, blood: float) -> float:
    """Echo amplitude of a tissue relative to soft tissue, from its intensity in CT."""
    if hounsfield > anatomy.blood or hounsfield < -200.0:
        return 4.0
    return (
        blood if hounsfield > 0.5 * (anatomy.background + 0.5 * (anatomy.background + anatomy.blood)) else 1.0
    )


def _probe(anatomy: Anatomy, how: Ultrasound) -> _Probe:
    lower, upper = anatomy.field_of_view
    along, up = (2, 1) if how.view == "suprasternal" else (1, 2)
    apex = 0.5 * (lower + upper)
    apex[along] = upper[along] + STANDOFF
    return _Probe(apex=apex, across=0, up=up, along=along)


def _beam_coordinates(
    grid: Grid, probe: _Probe
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Range [m], azimuth and elevation [rad] of the cells of a grid, in shapes that broadcast to it."""
    parts = {}
    for axis in range(3):
        part = grid.axis(axis) - probe.apex[axis]
        shape = [-1 if own == axis else 1 for own in range(3)]
        parts[axis] = part.reshape(shape).astype(np.float32)
    depth = -parts[probe.along]
    ranges = np.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2)
    return ranges, np.arctan2(parts[probe.across], depth), np.arctan2(parts[probe.up], depth)
