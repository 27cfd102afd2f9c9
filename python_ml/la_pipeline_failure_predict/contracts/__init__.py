"""Tables as the contracts in `schemas/` declare them, and what is generated from them."""
