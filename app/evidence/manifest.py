"""Manifests: what evidence consists of, as canonical JSON, signed and chained by hash.

A manifest's text is fixed to the byte: keys sorted, no spaces, UTF-8. Its hash stands in the
next manifest of the session, so that none can be altered, removed or reordered without notice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.evidence.keys import MasterKey

FORMAT = "candor-manifest-1"
ALGORITHM = "Ed25519"
CLIP = "clip"
SESSION = "session"


class ManifestError(ValueError):
    """A manifest that is not what was signed. The message completes "The manifest ..."."""


def canonical(value: object) -> bytes:
    """The one text of plain data. Raises ValueError for NaN and infinities."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Signed:
    """A manifest's content with the exact text that holds it and the hash of that text."""

    content: dict[str, Any]
    body: str

    @property
    def sha256(self) -> str:
        return sha256_hex(self.body.encode())


class Signer:
    """Signs with a key that follows from the master key; the public half may be handed out."""

    def __init__(self, master: MasterKey) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(master.derive("manifest signing"))
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_key = raw.hex()

    def sign(self, content: Mapping[str, Any]) -> Signed:
        """The signed text of a manifest."""
        signature = {
            "algorithm": ALGORITHM,
            "public_key": self.public_key,
            "value": self._private.sign(canonical(content)).hex(),
        }
        body = canonical({"manifest": dict(content), "signature": signature})
        return read_manifest(body.decode(), self.public_key)


def read_manifest(body: str, public_key: str) -> Signed:
    """The manifest in a text that was signed with the private half of `public_key` (hex).

    Raises ManifestError.
    """
    try:
        whole = json.loads(body)
        content, signature = whole["manifest"], whole["signature"]
        named, value = str(signature["public_key"]), bytes.fromhex(signature["value"])
        if set(whole) != {"manifest", "signature"} or canonical(whole) != body.encode():
            raise ManifestError("was altered: it is not in the form in which it was signed")
        # Compared first: a wrong key is another trouble than a wrong text.
        if named != public_key:
            raise ManifestError("was signed with another key than the one it is checked against")
        known = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        known.verify(value, canonical(content))
    except InvalidSignature:
        raise ManifestError("was altered: its signature does not match") from None
    except ManifestError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ManifestError("was altered: it cannot be read") from None
    return Signed(content, body)
