"""Secrets of channels, encrypted at rest: whoever reads the topics reads no webhook secret and no chat's token.

Fernet of `cryptography` (AES-128-CBC and HMAC-SHA256, https://github.com/fernet/spec). A sealed text names the key that
it was sealed with by 8 hex digits of the key's SHA-256, so that a lost key and damaged text are told apart. The key is
a file; every process that seals or unseals needs the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final, Self

from cryptography.fernet import Fernet, InvalidToken

from pipeline.errors import SealError

_PREFIX: Final = "sealed:"


def is_sealed(text: str) -> bool:
    """Whether the text looks like one that `Seals.seal` made."""
    return text.startswith(_PREFIX)


class Seals:
    """Seals and unseals texts with one key. Sealing the same text twice gives two different seals."""

    def __init__(self, key: bytes, key_file: Path) -> None:
        """``key``: 32 bytes in URL-safe base64. Raises SealError: it is none."""
        self._file = key_file
        try:
            self._fernet = Fernet(key)
        except ValueError as error:
            raise SealError(
                f"{key_file} holds no key (32 bytes in URL-safe base64): bring the right file back, or move this one "
                "away to have a new key made, and give all secrets again"
            ) from error
        self._id = hashlib.sha256(key).hexdigest()[:8]

    @classmethod
    def open(cls, key_file: Path, *, create: bool) -> Self:
        """With the key in ``key_file``; if there is none and ``create``, one is made, readable by its owner only.

        Raises:
            SealError: it is not there, others may read it, it cannot be read or made, or it holds no key.
        """
        try:
            if create and not key_file.exists():
                _make(key_file)
            mode = key_file.stat().st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SealError(
                    f"{key_file} can be read by others (mode {stat.S_IMODE(mode):04o}), and it opens the secrets of "
                    f"all channels: `chmod 600 {key_file}`"
                )
            key = key_file.read_bytes().strip()
        except FileNotFoundError as error:
            raise SealError(
                f"{key_file}, the key to the secrets of channels, is not there: bring it back, or name it as "
                "alerts.key_file; if it is lost, give the secrets again (`counterclaim subscriptions edit` and "
                "`rotate`), which makes a new key"
            ) from error
        except OSError as error:
            raise SealError(f"{key_file}, the key to the secrets of channels: {error.strerror}") from error
        return cls(key, key_file)

    def seal(self, text: str) -> str:
        """The text, encrypted: `sealed:`, the key's id, `:`, the token."""
        return f"{_PREFIX}{self._id}:{self._fernet.encrypt(text.encode()).decode()}"

    def unseal(self, sealed: str) -> str:
        """The text that was sealed.

        Raises:
            SealError: it was sealed with another key, is damaged, or is no sealed text.
        """
        key, _, token = sealed.removeprefix(_PREFIX).partition(":")
        if not is_sealed(sealed) or not token:
            raise SealError("a secret is not sealed: give it again with `counterclaim subscriptions edit`")
        if key != self._id:
            raise SealError(
                f"a secret was sealed with the key {key}, but {self._file} is the key {self._id}: every process needs "
                "the same alerts.key_file. If the other key is lost, give the secret again (`counterclaim "
                "subscriptions edit` or `rotate`)"
            )
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except (InvalidToken, UnicodeError) as error:
            raise SealError(
                "a sealed secret is damaged: give it again with `counterclaim subscriptions edit` or `rotate`"
            ) from error


def _make(key_file: Path) -> None:
    """A new key, there as a whole or not at all; if another process is faster, its key stands."""
    key_file.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes it 0600; a link, unlike a rename, never replaces what is there.
    handle, name = tempfile.mkstemp(dir=key_file.parent, prefix=".key-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(name, key_file)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
