"""From findings to human tasks. Pure decisions; `apply.py` alone writes, through the protocol."""
