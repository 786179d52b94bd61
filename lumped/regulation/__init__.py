"""What the body does about its own circulation from beat to beat: reflexes and the vessels' own control.

`kinds` lists the regulations with their parameters, `curves` holds their laws. `sensing` takes from a beat what a
regulation feels; `control` turns that into factors on the parameters of a model. Every factor is one where the
regulation has nothing to do.
"""
