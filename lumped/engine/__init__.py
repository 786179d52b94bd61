"""The engine of the 0D circulation: from a graph to arrays, implicit time steps, periodic states and their derivatives.

`build` turns a circulation into a `Model`; `march` advances it, `periodic` finds the beat that repeats itself,
`sensitivity` differentiates that beat, `ensemble` does it for many parameter sets, `boundary` is a circulation as the
boundary condition of a 3D domain.
"""
