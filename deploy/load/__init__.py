"""Load: signed fleets that speak to a collector on this machine through its real doors."""
