"""The key file: secrets that never enter the database (no Odoo in here).

One JSON file of mode 0600 with the Ed25519 private keys by key id, the secret of
the 1-D numbers, the secret of the look-up of codes and documents, and the keys that
encrypt personal data. It is made atomically on first use and shared by all processes
of a database. docs/keys.md tells how to keep and to restore it.
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import threading
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VERSION = 2
OLD_VERSION = 1  # without data keys
MAX_KID = 15
DATA_KEY_LENGTH = 32
# ids of data keys are seconds since this moment: a file that was restored from an old
# copy never gives the id of a key that it lost to another one
DATA_KEY_EPOCH = 1577836800  # 2020-01-01

_cache = {}
_cache_lock = threading.Lock()


class KeyStoreError(Exception):
    """The key file cannot be used; ``reason`` is a stable word."""

    def __init__(self, reason, path, detail=""):
        super().__init__(f"{reason}: {path} {detail}".strip())
        self.reason = reason
        self.path = path
        self.detail = detail


class KeyData:
    """The content of a key file, ready for use."""

    def __init__(self, content):
        self.private_keys = {
            int(kid): Ed25519PrivateKey.from_private_bytes(base64.b64decode(text))
            for kid, text in content["private_keys"].items()
        }
        self.barcode_secret = base64.b64decode(content["barcode_secret"])
        self.lookup_secret = base64.b64decode(content["lookup_secret"])
        if min(len(self.barcode_secret), len(self.lookup_secret)) < 32:
            raise ValueError("secret too short")
        if not self.private_keys or not all(
            0 <= kid <= MAX_KID for kid in self.private_keys
        ):
            raise ValueError("key ids must be 0 to 15")
        # {key id: 32 bytes}; the highest id encrypts
        self.data_keys = {
            int(kid): base64.b64decode(text)
            for kid, text in content.get("data_keys", {}).items()
        }
        if any(len(key) != DATA_KEY_LENGTH for key in self.data_keys.values()):
            raise ValueError("data key of another length")
        self.data_kid = max(self.data_keys, default=None)
        # {kid: base64 of the raw public key}
        self.public_keys = {
            kid: base64.b64encode(
                key.public_key().public_bytes(
                    serialization.Encoding.Raw, serialization.PublicFormat.Raw
                )
            ).decode("ascii")
            for kid, key in self.private_keys.items()
        }


class KeyStore:
    """Reads and extends one key file."""

    def __init__(self, path):
        self.path = os.path.abspath(path)

    def load(self):
        """Return the :class:`KeyData`, or None if there is no file.

        :raise KeyStoreError: unreadable, damaged, or open to other users
        """
        try:
            stat = os.stat(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyStoreError("unreadable", self.path, error.strerror) from error
        if stat.st_mode & 0o007:
            raise KeyStoreError("exposed", self.path)
        signature = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        with _cache_lock:
            cached = _cache.get(self.path)
        if cached and cached[0] == signature:
            return cached[1]
        data = _data_from(self._read(), self.path)
        with _cache_lock:
            _cache[self.path] = (signature, data)
        return data

    def ensure(self):
        """Return the :class:`KeyData`, making the file with key 0 if there is none.

        Of any number of processes that call this at once, one makes the file.
        """
        data = self.load()
        if data is not None:
            return data
        with self._locked():
            data = self.load()
            if data is None:
                self._write(
                    {
                        "version": VERSION,
                        "private_keys": {"0": _new_private_key()},
                        "barcode_secret": _new_secret(),
                        "lookup_secret": _new_secret(),
                        "data_keys": {str(_new_data_kid({})): _new_secret()},
                    }
                )
                data = self.load()
        return data

    def add_key(self, kid):
        """Make sure that the file holds a private key of this id.

        A key that is there already is kept: it may have been made by an
        attempt to rotate that was rolled back in the database.
        """
        if not 0 <= kid <= MAX_KID:
            raise KeyStoreError("no_kid", self.path)
        with self._locked():
            content = self._read()
            if str(kid) not in content["private_keys"]:
                content["private_keys"][str(kid)] = _new_private_key()
                self._write(content)
        return self.load()

    def replace_key(self, kid, known):
        """Put a new private key in the place of one that is no longer needed.

        A key that is not known is kept: it was made by an attempt to rotate that
        was rolled back in the database.

        :param known: public keys in base64, all that the id ever had
        """
        with self._locked():
            content = self._read()
            public_key = _data_from(content, self.path).public_keys.get(kid)
            if public_key is None or public_key in known:
                content["private_keys"][str(kid)] = _new_private_key()
                self._write(content)
        return self.load()

    def add_data_key(self):
        """Add a key for personal data, which encrypts from now on."""
        with self._locked():
            content = self._read()
            keys = content.setdefault("data_keys", {})
            keys[str(_new_data_kid(keys))] = _new_secret()
            self._write(content)
        return self.load()

    def ensure_data_key(self):
        """Make sure that a file of the first version can encrypt."""
        data = self.load()
        if data is not None and data.data_keys:
            return data
        with self._locked():
            content = self._read()
            if not content.get("data_keys"):
                content["data_keys"] = {str(_new_data_kid({})): _new_secret()}
                self._write(content)
        return self.load()

    def drop_data_keys(self, kids):
        """Forget data keys: what they encrypted cannot be read any more.

        The one that encrypts stays.
        """
        with self._locked():
            content = self._read()
            keys = content.get("data_keys", {})
            newest = max(map(int, keys), default=None)
            for kid in kids:
                if kid != newest:
                    keys.pop(str(kid), None)
            self._write(content)
        return self.load()

    def set_aside(self):
        """Rename the file, to begin with a new one; return where it is now."""
        with self._locked():
            aside = f"{self.path}.{time.strftime('%Y%m%d-%H%M%S')}.old"
            try:
                os.rename(self.path, aside)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise KeyStoreError("unwritable", self.path, error.strerror) from error
        return aside

    def _read(self):
        try:
            with open(self.path, encoding="ascii") as file:
                content = json.load(file)
            if content["version"] not in (OLD_VERSION, VERSION):
                raise ValueError(f"version {content['version']}")
            content["version"] = VERSION
        except OSError as error:
            raise KeyStoreError("unreadable", self.path, error.strerror) from error
        except (ValueError, KeyError, TypeError) as error:
            raise KeyStoreError("damaged", self.path, str(error)) from error
        return content

    @contextlib.contextmanager
    def _locked(self):
        """Hold the lock file, so that one process at a time makes or extends."""
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            handle = os.open(
                f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise KeyStoreError("unwritable", self.path, error.strerror) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, content):
        """Replace the file in one step; a crash leaves the old or the new one."""
        temporary = f"{self.path}.{secrets.token_hex(8)}.tmp"
        try:
            handle = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            try:
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    json.dump(content, file, indent=1)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, self.path)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise
            directory = os.open(os.path.dirname(self.path), os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise KeyStoreError("unwritable", self.path, error.strerror) from error


def _data_from(content, path):
    try:
        return KeyData(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyStoreError("damaged", path, str(error)) from error


def _new_private_key():
    key = Ed25519PrivateKey.generate()
    raw = key.private_bytes(
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )
    return base64.b64encode(raw).decode("ascii")


def _new_data_kid(keys):
    now = int(time.time()) - DATA_KEY_EPOCH
    return max(now, max(map(int, keys), default=0) + 1)


def _new_secret():
    return base64.b64encode(secrets.token_bytes(32)).decode("ascii")
