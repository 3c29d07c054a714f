"""View models: pure functions from rows to what a template shows."""
