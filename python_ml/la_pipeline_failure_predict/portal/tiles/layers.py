"""What the map of mains shows from which zoom on."""

from dataclasses import dataclass

MOST_ZOOM = 13
"""The browser enlarges the tiles of this zoom for closer ones."""
MOST_BYTES = 400_000
"""Of a tile, compressed: the lowest classes that do not fit are left to closer zooms."""


@dataclass(frozen=True)
class Layer:
    """Mains that are drawn alike.

    Attributes
    ----------
    name
        Code of the risk class, or `not_scored`.
    least_zoom
        From which on they are drawn: the whole city shows its worst mains.
    """

    name: str
    least_zoom: int


LAYERS = (
    Layer("very_high", least_zoom=8),
    Layer("high", least_zoom=9),
    Layer("medium", least_zoom=11),
    Layer("low", least_zoom=12),
    Layer("not_scored", least_zoom=12),
)
LEAST_ZOOM = min(layer.least_zoom for layer in LAYERS)
NOT_SCORED = "not_scored"
