"""The 1-D number of a ticket: 22 digits for Code128-C (no Odoo in here).

20 digits derived from the number of the medium (see :mod:`t1`) with a secret key, so
that neighbours cannot be guessed and a new issue has other digits, plus two ISO 7064
mod 97-10 check digits against misreads.
"""

import hashlib
import hmac
import re

from stdnum.iso7064 import mod_97_10

LENGTH = 22
_SHAPE = re.compile(r"[0-9]{22}")


def encode(secret, number):
    """Return the 22 digits of the number of a medium.

    :param bytes secret: the secret of the key file
    :param int number: 1 or more; of the first issue it is the ticket's number
    """
    if number < 1:
        raise ValueError(f"number {number}")
    digest = hmac.new(secret, b"SCENIC-1D\0%d" % number, hashlib.sha256).digest()
    body = f"{int.from_bytes(digest, 'big') % 10**20:020d}"
    return body + mod_97_10.calc_check_digits(body)


def is_valid(normalised):
    """Tell whether these are 22 digits with right check digits."""
    return _SHAPE.fullmatch(normalised) is not None and mod_97_10.is_valid(normalised)


def grouped(digits):
    """Return the digits in groups that a person can read aloud."""
    return " ".join([digits[i : i + 4] for i in range(0, 20, 4)] + [digits[20:]])
