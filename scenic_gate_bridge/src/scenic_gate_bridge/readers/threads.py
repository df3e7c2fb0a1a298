"""Libraries that block, each on a thread of its own beside the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from ..transport import PortError

T = TypeVar("T")
Tell = Callable[[T], object]


async def on_thread(
    name: str,
    work: Callable[[Tell[T], threading.Event], str],
    heard: Callable[[T], None],
) -> None:
    """Run `work(tell, stop)` on a thread. What it tells, `heard` gets in the loop. It
    returns when its device is lost, or soon after `stop` is set, with the reason, which
    comes out as PortError; what it raises comes out as it is. When this ends, for
    whatever cause, the thread has ended."""
    loop = asyncio.get_running_loop()
    stop = threading.Event()
    ended: asyncio.Future[str] = loop.create_future()

    def run() -> None:
        try:
            reason = work(lambda what: loop.call_soon_threadsafe(heard, what), stop)
        except Exception as error:
            loop.call_soon_threadsafe(ended.set_exception, error)
        else:
            loop.call_soon_threadsafe(ended.set_result, reason)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        raise PortError(await asyncio.shield(ended))
    finally:
        stop.set()
        await asyncio.shield(loop.run_in_executor(None, thread.join))
