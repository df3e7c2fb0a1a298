"""Keeps a device running: start it, and start it again when its link is lost."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import structlog

from .backoff import Backoff
from .drivers.base import LinkLost
from .transport import PortError
from .watchdog import DEVICE_TURN, Beat

LASTED = 30.0  # seconds after which a link counts as having worked


async def supervise(name: str, run: Callable[[], Awaitable[None]], turns: Beat) -> None:
    """Run a device for ever. Only the loss of its link is a reason to try again; any
    other exception is a fault of the program and goes up. `turns` is told of each try;
    in between the device tells it itself."""
    try:
        await _run_on(name, run, turns)
    finally:
        turns(math.inf)  # nobody waits for it any more


async def _run_on(name: str, run: Callable[[], Awaitable[None]], turns: Beat) -> None:
    log = structlog.get_logger().bind(device=name)
    backoff = Backoff(cap=30.0)
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        started = loop.time()
        turns(DEVICE_TURN)
        try:
            await run()
        except (LinkLost, PortError) as error:
            if loop.time() - started > LASTED:
                backoff.reset()
                failures = 0
            failures += 1
            wait = backoff.next()
            # the first failure is news, its repetitions are not
            level = log.warning if failures == 1 else log.debug
            level("link lost", reason=str(error), retry_in=round(wait, 1))
            turns(wait + DEVICE_TURN)
            await asyncio.sleep(wait)
