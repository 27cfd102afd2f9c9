"""Geometry that SQL cannot do on every engine: points in areas and soils, breaks to mains."""

METRES_PER_DEGREE = 111_320.0
"""Length of a degree of latitude, m; the same figure as in the marts."""
