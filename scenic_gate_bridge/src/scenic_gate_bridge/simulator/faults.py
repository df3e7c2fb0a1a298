"""What a bad line does to bytes."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """`drop`, `corrupt` and `duplicate` are probabilities for each byte; `garbage` and
    `repeat` for each thing said: bytes before it that mean nothing, or all of it a
    second time. `split` sends byte by byte, `delay` is in seconds."""

    drop: float = 0.0
    corrupt: float = 0.0
    duplicate: float = 0.0
    split: bool = False
    garbage: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0

    def apply(self, data: bytes, rng: random.Random) -> list[bytes]:
        """The pieces in which `data` arrives."""
        if self.repeat and rng.random() < self.repeat:
            data += data
        out = bytearray()
        for byte in data:
            if rng.random() < self.drop:
                continue
            if rng.random() < self.corrupt:
                byte ^= 1 << rng.randrange(8)
            out.append(byte)
            if rng.random() < self.duplicate:
                out.append(byte)
        if self.garbage and rng.random() < self.garbage:
            out[:0] = rng.randbytes(rng.randint(1, 6))
        if self.split:
            return [bytes([byte]) for byte in out]
        return [bytes(out)] if out else []
