"""The demo: a real collector, this machine as a real host, and simulated ones beside it."""
