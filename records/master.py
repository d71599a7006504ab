"""The master key: it wraps data keys and does nothing else."""

from __future__ import annotations

import hmac
import os
import re
import stat
from base64 import b64decode, b64encode
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from records.crypt import NONCE
from records.errors import ConfigurationError, PermanentError

MASTER_FILE = "master.key"


class Wrapped(NamedTuple):
    """A data key that only its master key opens."""

    master: str  # id of the master key
    key: str  # nonce and sealed key, base64


class Master(NamedTuple):
    """`id` tells which it is without telling it."""

    id: str
    key: bytes

    def wrap(self, key_id: str, key: bytes) -> Wrapped:
        nonce = os.urandom(NONCE)
        return Wrapped(self.id, b64encode(nonce + AESGCM(self.key).encrypt(nonce, key, key_id.encode())).decode())

    def unwrap(self, key_id: str, wrapped: Wrapped) -> bytes:
        try:
            sealed = b64decode(wrapped.key)
            return AESGCM(self.key).decrypt(sealed[:NONCE], sealed[NONCE:], key_id.encode())
        except (InvalidTag, ValueError):
            raise PermanentError("key_damaged", key_id) from None


def master_of(text: str, origin: str) -> Master:
    """64 hexadecimal digits; ConfigurationError that shows none of them."""
    if not re.fullmatch(r"[0-9A-Fa-f]{64}", text.strip()):
        raise ConfigurationError("master_key", f"{origin}: a master key is 64 hexadecimal digits; make one: openssl rand -hex 32")
    key = bytes.fromhex(text.strip())
    return Master(hmac.digest(key, b"somrr master id", "sha256")[:6].hex(), key)


def master_in(file: Path) -> Master | None:
    """The key in a file that nobody else may read; None when there is no such file."""
    try:
        with file.open() as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            text = opened.read(200)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigurationError("master_key", f"{file} can not be read ({type(fault).__name__})") from None
    if mode & 0o077:
        raise ConfigurationError("master_key", f"{file} may be read by others (mode {mode:04o}); chmod 0600 {file}")
    return master_of(text, str(file))


def pending(file: Path) -> Path:
    """Where the next master key lies until every data key is wrapped by it."""
    return file.with_name(f"{file.name}.new")
