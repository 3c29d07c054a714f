"""The commands: each a plain function (args) -> exit code; what they print is fixed in README."""
