"""Vector tiles of the mains: built when a snapshot is published, served by area."""
