"""Rule packs: the language, the packs, and what a rule says about a host. Pure but for load.py."""
