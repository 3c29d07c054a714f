"""How the collector itself stands: what it counts, what it judges about itself, who may ask."""
