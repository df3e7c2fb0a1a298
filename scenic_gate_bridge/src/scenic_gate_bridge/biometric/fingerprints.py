"""The sensor of a lane with the templates of this machine."""

from __future__ import annotations

import asyncio

from .base import Match
from .r30x import FingerSensor
from .templates import TemplateStore


class Fingerprints:
    """See `Biometric`."""

    def __init__(self, sensor: FingerSensor, store: TemplateStore) -> None:
        self._sensor = sensor
        self._store = store
        self._one = asyncio.Lock()

    async def enrol(self, member: str) -> None:
        """See `Biometric.enrol`."""
        async with self._one:
            template = await self._sensor.take()
            await asyncio.to_thread(self._store.keep, member, template)

    async def verify(self, member: str) -> Match:
        """See `Biometric.verify`."""
        template = await asyncio.to_thread(self._store.find, member)
        if template is None:
            return Match.UNKNOWN
        async with self._one:
            return await self._sensor.compare(template)
