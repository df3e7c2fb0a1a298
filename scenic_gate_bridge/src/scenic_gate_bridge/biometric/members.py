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
        self._finger_of: dict[str, str] = {}
        self._log = structlog.get_logger()

    async def load(self) -> None:
        """Take over what the server said last. A scan asks what is held here, and does
        not wait for the journal."""
        self._finger_of = await self._journal.call(lambda db: db.local.config.finger_of)

    def agreed(self, ticket: str) -> str | None:
        """Under which name the template of a ticket's holder lies, or is to lie, here;
        None where nobody agreed."""
        return self._finger_of.get(ticket)

    async def enrolled(self, ticket: str) -> str | None:
        """The same, if the template is here and can be read; OSError."""
        member = self.agreed(ticket)
        if member is None:
            return None
        template = await asyncio.to_thread(self._store.find, member)
        return None if template is None else member

    async def sweep(self) -> None:
        """Delete the templates of who agrees no longer."""
        await self.load()
        agreed = set(self._finger_of.values())
        try:
            gone = await asyncio.to_thread(self._forget_but, agreed)
        except OSError as error:
            self._log.error("templates could not be deleted", reason=str(error))
            return
        if gone:
            self._log.info("fingerprint templates deleted", templates=gone)

    def _forget_but(self, agreed: set[str]) -> int:
        return sum(self._store.forget(each) for each in self._store.members() - agreed)
