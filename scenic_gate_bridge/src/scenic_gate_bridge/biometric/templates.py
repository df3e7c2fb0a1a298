"""Templates on the disk of this machine, and nowhere else."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
MEMBER = re.compile(r"[A-Za-z0-9_-]{1,64}")


class TemplateStore:
    """One file a member, encrypted with AES-256-GCM and bound to the member's name, so
    that a file put under another name opens nothing. The key is made at the first use
    and lies beside them: it keeps the templates out of copies of single files and off
    disks that are thrown away, not from who has this machine. Blocking; OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, member: str, template: bytes) -> None:
        """Keep a template in place of an older one."""
        path = self._path(member)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._key()).encrypt(nonce, template, member.encode())
        part = path.with_suffix(".part")
        _write(part, nonce + sealed)
        part.replace(path)

    def find(self, member: str) -> bytes | None:
        """The template, or None where there is none that can be read."""
        try:
            raw = self._path(member).read_bytes()
        except FileNotFoundError:
            return None
        try:
            return AESGCM(self._key()).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], member.encode()
            )
        except (InvalidTag, ValueError):
            return None

    def forget(self, member: str) -> bool:
        """Delete a template; whether there was one."""
        try:
            self._path(member).unlink()
        except FileNotFoundError:
            return False
        return True

    def members(self) -> set[str]:
        """Of whom there are templates."""
        return {path.stem for path in self._directory.glob("*.template")}

    def _path(self, member: str) -> Path:
        if not MEMBER.fullmatch(member):
            raise ValueError("no name of a member")
        return self._directory / f"{member}.template"

    def _key(self) -> bytes:
        path = self._directory / "templates.key"
        with suppress(FileNotFoundError):
            return path.read_bytes()
        key = secrets.token_bytes(KEY_BYTES)
        part = path.with_suffix(".part")
        _write(part, key)
        part.replace(path)
        return key


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
