"""0D circulation: blocks, networks, time integration, calibration. No DOLFINx and no VTK here.

`windkessel` holds the circuits behind the outlets and `circuit_file` keeps them on disk; `aortic_flow` drives the
inlet; `surrogate` stands in for the 3D domain, `simulation` runs it, `fitting` learns it from a 3D history, and
`calibrate` tunes the circuits to a child.
"""
