"""The board's requests, where asyncio itself is the trap."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from scenic_gate_bridge.drivers.modbus_board import ModbusBoard
from scenic_gate_bridge.settings import SerialSettings


async def test_cancelled_together_with_the_answer() -> None:
    """A poll that is ended in the very moment of its answer does end; else the driver
    waits for it for ever, and the lane is lost until the program is started anew."""
    board = ModbusBoard(SerialSettings(port="/dev/none"), 1, 0.2)
    board._client = SimpleNamespace()  # type: ignore[assignment]
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    asked = asyncio.create_task(board._ask(lambda _client: asyncio.wait_for(answer, 1)))
    await asyncio.sleep(0.01)
    answer.set_result(SimpleNamespace(isError=lambda: False))
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
