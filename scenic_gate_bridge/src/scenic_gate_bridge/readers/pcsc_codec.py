"""The question for a contactless card's number, and its answer (PC/SC part 3)."""

from __future__ import annotations

GET_UID = bytes.fromhex("FFCA000000")
_DONE = b"\x90\x00"
_UID_BYTES = (4, 7, 10)  # ISO 14443-3


def uid(answer: bytes) -> bytes | None:
    """The number in the answer; None when the card or the reader gave none."""
    number, status = answer[:-2], answer[-2:]
    return number if status == _DONE and len(number) in _UID_BYTES else None
