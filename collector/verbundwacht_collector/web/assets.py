"""The pages' own static files, read once at start and served from memory.

Their address contains a hash over all of them, so browsers may keep them for a year and an
update still shows at once. The style sheet is put together here: KERN goes into the lowest
cascade layer, so that our layers win without `!important`.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from verbundwacht_collector.web.errors import AssetError

STATIC: Final = Path(__file__).parent / "static"
LAYERS: Final = ("kern", "token", "base", "layout", "part", "page", "overview", "print")
KERN: Final = "vendor/kern-2.7.2/kern.min.css"
HTMX: Final = "vendor/htmx-2.0.11/htmx.min.js"
STYLE: Final = "style.css"
CONTENT_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".md": "text/plain",
    "": "text/plain",
}
"""Only these kinds of file are served; the ones without suffix are licences."""


@dataclass(frozen=True)
class Asset:
    """One file as it is sent; `packed` is its gzip form if that is smaller."""

    body: bytes
    packed: bytes | None
    content_type: str


@dataclass(frozen=True)
class Assets:
    """All files by name below /static/<digest>/."""

    digest: str
    files: dict[str, Asset]

    def url(self, name: str) -> str:
        """The address of a file; KeyError for one that does not exist (caught by any test)."""
        if name not in self.files:
            raise KeyError(f"no static file {name}")
        return f"/static/{self.digest}/{name}"


def load_assets(static: Path = STATIC) -> Assets:
    """Read and pack all files below `static`. AssetError if the third-party files are missing."""
    # Checked at start: pages without their look would only be noticed by users.
    if not (static / KERN).is_file() or not (static / HTMX).is_file():
        raise AssetError(
            f"{static / 'vendor'} lacks {KERN} or {HTMX}. In a checkout run "
            "`python tools/vendor.py`; an installed wheel without them is broken."
        )
    bodies = {
        path.relative_to(static).as_posix(): path.read_bytes()
        for path in sorted(static.rglob("*"))
        if path.is_file() and path.suffix in CONTENT_TYPES
    }
    bodies[STYLE] = style_sheet(bodies)
    # One hash over everything: addresses inside the style sheet are relative and so stay right.
    whole = hashlib.sha256()
    for name, body in sorted(bodies.items()):
        whole.update(name.encode() + b"\0" + hashlib.sha256(body).digest())
    files = {name: _asset(name, body) for name, body in bodies.items()}
    return Assets(digest=whole.hexdigest()[:16], files=files)


def style_sheet(bodies: dict[str, bytes]) -> bytes:
    """One style sheet: layer order, fonts, KERN in its layer, then each of our layers."""
    kern = bodies[KERN].decode().removeprefix('@charset "UTF-8";')
    parts = [f"@layer {', '.join(LAYERS)};", bodies["css/fonts.css"].decode()]
    parts.append(f"@layer kern {{\n{kern}\n}}")
    # Each of our files is one layer; the order above decides, not the order here.
    parts += [f"@layer {name} {{\n{bodies[f'css/{name}.css'].decode()}}}" for name in LAYERS[1:]]
    return "\n".join(parts).encode()


def _asset(name: str, body: bytes) -> Asset:
    # mtime 0 keeps the digest the same from start to start.
    packed = gzip.compress(body, mtime=0)
    return Asset(
        body=body,
        packed=packed if len(packed) < len(body) else None,
        content_type=CONTENT_TYPES[Path(name).suffix],
    )
