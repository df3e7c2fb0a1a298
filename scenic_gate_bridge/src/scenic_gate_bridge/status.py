"""What is known about the server at this moment; changes of it are logged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import structlog

from .model import utc_now
from .rpc import KeyInvalid, KeyShared, RequestRefused, RpcError, ServerFault


class ServerState(StrEnum):
    """How the last call to the server ended."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    OFFLINE = "offline"
    FAULT = "fault"
    KEY_INVALID = "key_invalid"


@dataclass(slots=True)
class ServerStatus:
    """Told about every call; wakes those who wait for the server to come back."""

    state: ServerState = ServerState.UNKNOWN
    last_ok: datetime | None = None
    last_error: str = ""
    came_back: asyncio.Event = field(default_factory=asyncio.Event)

    def outcome(self, error: RpcError | None) -> None:
        """Note the end of a call: None is success."""
        log = structlog.get_logger()
        before = self.state
        if error is None:
            self.state = ServerState.ONLINE
            self.last_ok = utc_now()
            self.last_error = ""
            self.came_back.set()
            if before is not ServerState.ONLINE:
                log.info("server online")
            return
        if isinstance(error, KeyInvalid):
            self.state = ServerState.KEY_INVALID
        elif isinstance(error, ServerFault):
            self.state = ServerState.FAULT
        elif isinstance(error, (KeyShared, RequestRefused)):
            # it answers; what was wrong is told by whoever asked
            self.state = ServerState.ONLINE
        else:
            self.state = ServerState.OFFLINE
        self.last_error = str(error)
        if self.state is before:
            return
        if self.state is ServerState.KEY_INVALID:
            log.error(
                "the server refuses this device's key: rotate it in Odoo and write the"
                " new one to key_file; it is read again by itself",
                reason=str(error),
            )
        else:
            log.warning(f"server {self.state.value}", reason=str(error))
