"""Which members agreed to show a finger, and what lies here of them."""

from __future__ import annotations

import asyncio

import structlog

from ..journal import Journal
from .templates import TemplateStore


class Members:
    """What the server tells of consents, held against the templates of this machine."""

    def __init__(self, journal: Journal, store: TemplateStore) -> None:
        self._journal = journal
        self._store = store
        self._log = structlog.get_logger()

    async def agreed(self, ticket: str) -> str | None:
        """Under which name the template of a ticket's holder lies, or is to lie, here;
        None where nobody agreed."""
        return await self._journal.call(
            lambda db: db.local.config.finger_of.get(ticket)
        )

    async def enrolled(self, ticket: str) -> str | None:
        """The same, if the template is here."""
        member = await self.agreed(ticket)
        if member is None:
            return None
        known = await asyncio.to_thread(self._store.members)
        return member if member in known else None

    async def sweep(self) -> None:
        """Delete the templates of who agrees no longer."""
        agreed = await self._journal.call(
            lambda db: set(db.local.config.finger_of.values())
        )
        try:
            gone = await asyncio.to_thread(self._forget_but, agreed)
        except OSError as error:
            self._log.error("templates could not be deleted", reason=str(error))
            return
        if gone:
            self._log.info("fingerprint templates deleted", templates=gone)

    def _forget_but(self, agreed: set[str]) -> int:
        return sum(self._store.forget(each) for each in self._store.members() - agreed)
