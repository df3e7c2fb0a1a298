"""Who decides on a scan: the server, or the bridge itself.

`online`: the server; when it gives no answer the bridge decides, under an id of its
own, and has the server annul what it may have reserved. `offline`, `site`: the bridge.
Always only as far as Odoo permits the device to, and with a copy that is fresh enough.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from .. import refusals
from ..decision import Request
from ..journal import Journal, JournalDb, JournalError
from ..model import Decision, Scan, Verdict, utc_now
from ..settings import ServerMode
from .outcome import DecidedBy
from .reads import Read

UNANSWERED = ("OFFLINE", "SERVER_ERROR")


class DecisionService:
    """`ask` asks the server; it never raises for a fault of the server."""

    def __init__(
        self,
        mode: ServerMode,
        journal: Journal,
        ask: Callable[[Request], Awaitable[Decision]],
        count: Callable[[str], None] = lambda by: None,
    ) -> None:
        """`count` is told by whom each scan was decided."""
        self._mode = mode
        self._journal = journal
        self._ask = ask
        self._count = count
        self._log = structlog.get_logger()

    async def decide(self, request_id: str, scan: Scan) -> Decision:
        """The decision on a scan, which is in the journal before the server is asked,
        or with the decision."""
        unanswered: Decision | None = None
        try:
            if self._mode is ServerMode.ONLINE:
                at = utc_now()
                seq = await self._journal.call(lambda db: db.ask(request_id, scan, at))
                decision = await self._ask(Request(request_id, seq, scan))
                if decision.code not in UNANSWERED:
                    self._count("server")
                    return decision
                unanswered = decision
            by = DecidedBy.SITE if self._mode is ServerMode.SITE else DecidedBy.OFFLINE
            at = utc_now()
            read = self._journal.read(scan.kind.value, scan.code.value)
            here, decision = await self._journal.call(
                lambda db: _decide_here(db, request_id, scan, read, at, by, unanswered)
            )
            self._count(by.value if here else "nobody")
            return decision
        except JournalError as error:
            self._log.error("the journal takes nothing", reason=str(error))
            # of what the server did for an unanswered request nothing is known
            verdict = unanswered.verdict if unanswered else Verdict.DENY
            return replace(refusals.JOURNAL_FAULT, verdict=verdict)


def _decide_here(
    db: JournalDb,
    request_id: str,
    scan: Scan,
    read: Read,
    at: datetime,
    by: DecidedBy,
    unanswered: Decision | None,
) -> tuple[bool, Decision]:
    """Whether the bridge may decide, and what the visitor is told."""
    refusal = why_not(db, by, at)
    if refusal is not None:
        # the lane writes the refusal down, and annuls what the server may have done
        return False, unanswered or refusal
    outcome = db.decide_here(
        request_id,
        scan,
        read,
        at,
        by,
        asked=unanswered is not None,
        unanswered=unanswered.code
        if unanswered is not None and unanswered.verdict is Verdict.UNSURE
        else None,
    )
    return True, outcome.decision


def why_not(db: JournalDb, by: DecidedBy, at: datetime) -> Decision | None:
    """Why this bridge may not decide by itself at this moment."""
    config = db.local.config
    permitted = ("site",) if by is DecidedBy.SITE else ("offline", "site")
    if config.decides not in permitted:
        return refusals.DECIDES_NOT
    if db.local.key_is_shared:
        return refusals.KEY_SHARED
    copy_at = db.local.store.copy_at
    oldest = at - timedelta(hours=config.offline.max_age_hours)
    if copy_at is None or copy_at < oldest:
        return refusals.COPY_OLD
    return None
