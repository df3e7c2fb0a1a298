"""Keeps a lane's readers running, and tells the lane what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import assert_never

from ..lane import Lane
from ..settings import (
    IcReaderSettings,
    IdCardReaderSettings,
    LaneSettings,
    LineReaderSettings,
    OsdpReaderSettings,
    PcscReaderSettings,
    ReaderSettings,
)
from ..supervisor import supervise
from ..watchdog import Beat
from .base import Desk, Reader
from .ic import IcReader
from .id_card import IdCardReader
from .line import LineReader
from .osdp_reader import OsdpReader
from .pcsc import PcscReader


def build(settings: ReaderSettings, desk: Desk) -> Reader:
    """The reader that the settings describe."""
    match settings:
        case LineReaderSettings():
            return LineReader(settings, desk)
        case IcReaderSettings():
            return IcReader(settings, desk)
        case IdCardReaderSettings():
            return IdCardReader(settings, desk)
        case OsdpReaderSettings():
            return OsdpReader(settings, desk)
        case PcscReaderSettings():
            return PcscReader(settings, desk)
        case _:
            assert_never(settings)


async def watch(
    lane: Lane, settings: LaneSettings, number: int, turns: Callable[[str], Beat]
) -> None:
    """Keep one reader running for ever, and record when it goes and comes. `turns`:
    what it calls with each turn, by its name."""
    reader_settings = settings.readers[number]
    name = f"reader {number + 1}"
    desk = Desk(
        lane.code,
        name,
        settings.reader_direction(reader_settings),
        reader_settings.repeat_after,
        lane.scan,
        lane.rejected,
    )
    reader = build(reader_settings, desk)
    place = f"{lane.code} {name}"
    reader.turns = turns(place)
    linked: bool | None = None

    async def run() -> None:
        nonlocal linked
        # True and False are the link, None is that the reader was muted
        changes: asyncio.Queue[bool | None] = asyncio.Queue()
        desk.muted = lambda: changes.put_nowait(None)
        reading = asyncio.create_task(reader.run(changes.put_nowait))
        reading.add_done_callback(lambda _task: changes.put_nowait(False))
        try:
            while True:
                change = await changes.get()
                if change is None:
                    await lane.reader_muted(name)
                    continue
                if change is not linked:
                    # that a reader is there from the start is no news
                    if not change or linked is False:
                        await lane.reader_link(name, change)
                    linked = change
                if not change:
                    await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    await supervise(place, run, reader.turns)
