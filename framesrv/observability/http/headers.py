"""The headers that every answer has: what a browser may do with it."""

from __future__ import annotations

from typing import Final

HEAD_BYTES_MAX: Final = 16 * 1024  # of a request, with all its headers

Headers = tuple[tuple[bytes, bytes], ...]


def policy(styles: str = "'self'") -> bytes:
    """Nothing from elsewhere, nothing inline, and no frame of ours in another's page."""
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ).encode()


SAFE: Final[Headers] = (
    (b"content-security-policy", policy()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


def with_safe(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """What an answer says itself is left as it is."""
    said = {name.lower() for name, _ in headers}
    return [*headers, *((name, value) for name, value in SAFE if name not in said)]
