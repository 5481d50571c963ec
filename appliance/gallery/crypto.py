"""Keys and sealed bytes of a gallery: AES-256-GCM (NIST SP 800-38D), one data key per subject.

The gallery key lies in a file of its own and wraps the data keys; a data key seals the templates and photos of one
subject. What a sealed thing belongs to goes in as associated data, so it opens nowhere else.
Not responsible for where the sealed bytes lie.
"""

import json
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from appliance.gallery.errors import GalleryRefused, KeyRefused

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
_HEADER = "sallyport-gallery-key-1:"


def keep_apart(key_file: Path, folder: Path) -> None:
    """Raises KeyRefused when the key would lie inside the gallery's folder: one copy would carry both."""
    if key_file.resolve().is_relative_to(folder.resolve()):
        raise KeyRefused(f"{key_file} would lie in the gallery's own folder. Keep the key somewhere else.")


def create_key_file(path: Path) -> None:
    """Write a new random key, mode 0600. Raises KeyRefused when there is a file already: it may be the only copy."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise KeyRefused(f"{path} exists; a key is never overwritten. Name another file.") from error
    except OSError as error:
        raise KeyRefused(f"cannot create {path}: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(_HEADER + secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    # Its name too: what is wrapped for this key next must not outlive it.
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def read_key_file(path: Path) -> bytes:
    """The 32 bytes of a key file. Raises KeyRefused unless it is a plain file, ours, and nobody else may touch it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise KeyRefused(f"cannot open the key file {path}: {error.strerror}. A link is not followed.") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyRefused(f"{path} is not a plain file.")
        if status.st_uid != os.geteuid():
            raise KeyRefused(f"{path} belongs to user {status.st_uid}, not to this program's user {os.geteuid()}.")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise KeyRefused(
                f"{path} has mode {mode:04o}: others may have read it. Make it 0600 and think of a new key."
            )
        text = os.read(descriptor, len(_HEADER) + 2 * KEY_BYTES + 2)
    finally:
        os.close(descriptor)
    try:
        line = text.decode("ascii").rstrip("\n")
        key = bytes.fromhex(line.removeprefix(_HEADER))
    except ValueError:
        line, key = "", b""
    if not line.startswith(_HEADER) or len(key) != KEY_BYTES:
        raise KeyRefused(f"{path} holds no gallery key. Make one with `appliance gallery init`.")
    return key


class Sealer:
    """One key at work. Nonces are 96 random bits; the database refuses to keep the same one twice.

    SP 800-38D 8.3 allows 2^32 random nonces per key: a data key sees a handful, the gallery key one per subject and
    change of expiry.
    """

    def __init__(self, key: bytes) -> None:
        """Takes 32 bytes. Raises ValueError."""
        if len(key) != KEY_BYTES:
            raise ValueError("the key has 256 bits")
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, bound_to: Sequence[str]) -> tuple[bytes, bytes]:
        """Nonce (12 bytes) and ciphertext (as long as `plain`, plus 16) bound to those words."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce, self._cipher.encrypt(nonce, plain, _associated(bound_to))

    def open(self, nonce: bytes, sealed: bytes, bound_to: Sequence[str]) -> bytes:
        """What was sealed. Raises GalleryRefused when key, bytes or words are not those of the sealing."""
        try:
            return self._cipher.decrypt(nonce, sealed, _associated(bound_to))
        except (InvalidTag, ValueError) as error:
            raise _refused(bound_to) from error

    def open_vector(self, nonce: bytes, sealed: bytes, bound_to: Sequence[str]) -> NDArray[np.float32]:
        """A sealed float32 vector, decrypted in place so that it can be wiped. Raises GalleryRefused.

        Little-endian, as is every machine this runs on.
        """
        size = len(sealed) - TAG_BYTES
        if size <= 0 or size % 4:
            raise _refused(bound_to)
        vector = np.empty(size // 4, dtype=np.float32)
        try:
            self._cipher.decrypt_into(nonce, sealed, _associated(bound_to), vector.view(np.uint8).data)
        except (InvalidTag, ValueError) as error:
            raise _refused(bound_to) from error
        return vector


def _associated(words: Sequence[str]) -> bytes:
    # JSON keeps ["ab", "c"] and ["a", "bc"] apart; joined words would not.
    return json.dumps(["sallyport gallery", 1, *words], ensure_ascii=True, separators=(",", ":")).encode()


def _refused(bound_to: Sequence[str]) -> GalleryRefused:
    return GalleryRefused(
        f"the {bound_to[0]} of {bound_to[1]} does not open: the row was changed, moved or damaged. "
        "Keep a copy of the gallery for an examination and enrol the subject again."
    )
