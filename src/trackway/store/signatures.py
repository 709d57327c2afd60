"""What a store keeps of signatures: the keys that are trusted, and what they signed."""

from __future__ import annotations

from typing import Protocol

from trackway.api.signing import SigningKey, VersionSignature


class Signatures(Protocol):
    """Trusted keys, and signatures of versions, of which each key has one at most."""

    def trust(self, workspace: str, key: SigningKey) -> bool:
        """Insert a key; False when its name is taken."""

    def list_keys(self, workspace: str) -> list[SigningKey]: ...
    def distrust(self, workspace: str, name: str) -> bool:
        """Delete a key with its signatures; tell whether it was there."""

    def add(self, version_pk: int, signature: VersionSignature) -> None:
        """Keep a signature, in place of an older one by the same key."""

    def list_signatures(self, version_pk: int) -> list[VersionSignature]: ...
    def copy(self, version_pk: int, to_pk: int) -> None: ...
