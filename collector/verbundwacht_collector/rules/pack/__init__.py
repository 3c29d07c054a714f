"""Pack files: YAML with positions, the shape of a pack, its rules and tests. Pure."""
