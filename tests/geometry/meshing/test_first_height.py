import math

import numpy as np
import pytest
from scipy.special import jv

from geometry.meshing.first_height import (
    first_height,
    height_of_y_plus,
    shear_stress_in_pipe,
    stokes_thickness,
    total_thickness,
)
from hemoplan.errors import MeshError

NU, DENSITY = 3.5e-6, 1060.0


def test_stokes_layer_is_where_the_exact_pulsating_flow_leaves_the_core():
    # Womersley: u ~ 1 - J0(i^1.5 alpha r / R) / J0(i^1.5 alpha). For a large alpha the deviation from the core falls by
    # e over one thickness.
    radius, period = 12e-3, 0.4
    delta = stokes_thickness(NU, period)
    alpha = radius * math.sqrt(2.0 * math.pi / period / NU)
    deviation = [
        abs(jv(0, 1j**1.5 * alpha * (1.0 - y / radius)) / jv(0, 1j**1.5 * alpha)) for y in (0.0, delta)
    ]
    assert deviation[1] / deviation[0] == pytest.approx(math.exp(-1.0), rel=0.05)


def test_layers_of_a_height_add_up():
    heights = first_height(1e-3, count=4, growth=1.5) * 1.5 ** np.arange(4)
    assert heights.sum() == pytest.approx(1e-3)
    assert total_thickness(float(heights[0]), count=4, growth=1.5) == pytest.approx(1e-3)
    assert first_height(1e-3, count=5, growth=1.0) == pytest.approx(2e-4)


def test_laminar_wall_shear_stress_is_that_of_poiseuille():
    # 4 mu Q / (pi R³) with 10 mL/s in a tube of 8 mm, Re = 455.
    flow, radius = 1e-5, 4e-3
    stress = shear_stress_in_pipe(
        flow / (math.pi * radius**2), diameter=2 * radius, density=DENSITY, kinematic_viscosity=NU
    )
    assert stress == pytest.approx(4.0 * NU * DENSITY * flow / (math.pi * radius**3))


def test_turbulent_pipe_has_the_friction_of_smooth_pipes():
    # Prandtl's law of friction in smooth pipes, 1 / sqrt(f) = 2 log10(Re sqrt(f)) - 0.8, solved for f.
    diameter, reynolds, friction = 0.02, 2e4, 0.03
    for _ in range(50):
        friction = (2.0 * math.log10(reynolds * math.sqrt(friction)) - 0.8) ** -2
    velocity = reynolds * NU / diameter
    stress = shear_stress_in_pipe(velocity, diameter=diameter, density=DENSITY, kinematic_viscosity=NU)
    assert 8.0 * stress / (DENSITY * velocity**2) == pytest.approx(friction, rel=0.03)


def test_y_plus_of_one_is_the_viscous_length():
    height = height_of_y_plus(1.0, shear_stress=10.6, density=DENSITY, kinematic_viscosity=NU)
    assert height == pytest.approx(NU / 0.1)


def test_no_height_without_a_positive_stress():
    with pytest.raises(MeshError, match=r"shear stress is not positive \(value: 0.0\)"):
        height_of_y_plus(1.0, shear_stress=0.0, density=DENSITY, kinematic_viscosity=NU)
