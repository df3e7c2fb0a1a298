"""Encryption of personal data with the data keys of the key file (no Odoo in here).

AES-256-GCM. A cipher text is ``1.<key id>.<base64 of nonce and sealed text>``; it is
bound to the place it belongs to, so that a cipher text that was copied to another
record or column does not open.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "1"
NONCE_LENGTH = 12


class CipherError(Exception):
    """A cipher text cannot be opened; ``reason`` is a stable word.

    ``no_key``: the key file does not hold its key; ``damaged``: it was altered, or
    belongs to another place.
    """

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


def encrypt(data_keys, kid, place, text):
    """Return the cipher text of a text.

    :param dict data_keys: ``{key id: 32 bytes}``
    :param int kid: the key to use
    :param str place: where it is stored, for example ``scenic.visitor,7,phone``
    """
    nonce = os.urandom(NONCE_LENGTH)
    sealed = AESGCM(data_keys[kid]).encrypt(nonce, text.encode(), _bound(kid, place))
    return f"{VERSION}.{kid}.{base64.b64encode(nonce + sealed).decode('ascii')}"


def decrypt(data_keys, place, cipher):
    """Return the text of a cipher text.

    :raise CipherError:
    """
    try:
        version, kid, body = cipher.split(".")
        kid = int(kid)
        raw = base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error) as error:
        raise CipherError("damaged") from error
    if version != VERSION or len(raw) <= NONCE_LENGTH:
        raise CipherError("damaged")
    if kid not in data_keys:
        raise CipherError("no_key")
    try:
        sealed = AESGCM(data_keys[kid]).decrypt(
            raw[:NONCE_LENGTH], raw[NONCE_LENGTH:], _bound(kid, place)
        )
    except InvalidTag as error:
        raise CipherError("damaged") from error
    return sealed.decode()


def _bound(kid, place):
    return f"SCENIC-DATA\0{VERSION}\0{kid}\0{place}".encode()
