"""Named SQL: one file holds many statements, each under a `-- name:` line."""

from importlib import resources


def named(file: str) -> dict[str, str]:
    """Statement name -> SQL, from a file beside this module's `sql` folder."""
    text = resources.files(__package__).joinpath("sql", file).read_text("utf-8")
    parts = text.split("-- name: ")[1:]
    return {name.strip(): sql.strip() for name, sql in (part.split("\n", 1) for part in parts)}
