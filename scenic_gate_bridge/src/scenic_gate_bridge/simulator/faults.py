"""What a bad line does to bytes."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """Probabilities from 0 to 1, for each byte; `split` sends byte by byte."""

    drop: float = 0.0
    corrupt: float = 0.0
    duplicate: float = 0.0
    split: bool = False

    def apply(self, data: bytes, rng: random.Random) -> list[bytes]:
        """The pieces in which `data` arrives."""
        out = bytearray()
        for byte in data:
            if rng.random() < self.drop:
                continue
            if rng.random() < self.corrupt:
                byte ^= 1 << rng.randrange(8)
            out.append(byte)
            if rng.random() < self.duplicate:
                out.append(byte)
        if self.split:
            return [bytes([byte]) for byte in out]
        return [bytes(out)] if out else []
