"""0D circulation: closed loops with lesions, blood gases and reflexes, and the Windkessels of a 3D domain.

No DOLFINx and no VTK here. `circulation` holds graphs and what surgery does to them, `blocks` what they are made of,
`engine` runs them, `gas`, `lungs` and `regulation` add oxygen, breath and reflexes, `physiology` is the child in whom
all of these agree, `bedside` fits it to data, and `svzerod` runs svZeroDSolver's models.

Of a 3D domain, `windkessel` holds the circuits behind the outlets and `circuit_file` keeps them on disk; `aortic_flow`
drives the inlet; `surrogate` stands in for the 3D domain, `simulation` runs it, `fitting` learns it from a 3D history,
and `calibrate` tunes the circuits to a child.
"""
