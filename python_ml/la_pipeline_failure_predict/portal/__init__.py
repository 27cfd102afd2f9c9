"""The web pages that planners open: they read published snapshots, never the warehouse."""
