"""Geometry that SQL cannot do on every engine: points in areas and soils, breaks to mains."""
