"""Pictures of each stage from the scan to the mesh, so that a person sees a leak or a poor cell at once."""
