"""One reader of the PC/SC daemon, by pyscard. Everything in here runs on a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from smartcard import scard

from ..watchdog import DEVICE_TURN, Beat
from .pcsc_codec import GET_UID
from .threads import Tell

WAIT = 300  # milliseconds between two looks at `stop`


class _Failed(Exception):
    """PC/SC refused; the text is its own."""


class PcscLink:
    """`name` is how the reader's name begins; none: there is only one."""

    def __init__(self, name: str | None, turns: Beat) -> None:
        self._wanted = name or ""
        self._turns = turns

    def work(self, tell: Tell[bytes | None], stop: threading.Event) -> str:
        """See `on_thread`. Tells None when the reader is there, then the answer of each
        card that is put there."""
        try:
            with _context() as context:
                name = self._name(context)
                tell(None)
                self._watch(context, name, tell, stop)
        except _Failed as error:
            return f"PC/SC: {error}"
        return "stopped"

    def _name(self, context: Any) -> str:
        names = _done(*scard.SCardListReaders(context, []))
        fitting = [name for name in names if name.startswith(self._wanted)]
        if len(fitting) != 1:
            raise _Failed(
                f"{len(fitting)} readers begin with {self._wanted!r};"
                f" there are: {', '.join(names) or 'none'}"
            )
        return str(fitting[0])

    def _watch(
        self,
        context: Any,
        name: str,
        tell: Tell[bytes | None],
        stop: threading.Event,
    ) -> None:
        state, lies_there = scard.SCARD_STATE_UNAWARE, False
        while not stop.is_set():
            self._turns(DEVICE_TURN)
            result, changes = scard.SCardGetStatusChange(context, WAIT, [(name, state)])
            if result == scard.SCARD_E_TIMEOUT:
                continue
            state = _done(result, changes)[0][1]
            if state & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE):
                raise _Failed("the reader is gone")
            present = bool(state & scard.SCARD_STATE_PRESENT)
            if present and not lies_there:
                tell(_ask(context, name))
            lies_there = present
            state &= ~scard.SCARD_STATE_CHANGED


def _ask(context: Any, name: str) -> bytes:
    """What the card answers; nothing when it has been taken away already."""
    try:
        card, protocol = _done(
            *scard.SCardConnect(
                context,
                name,
                scard.SCARD_SHARE_SHARED,
                scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
            )
        )
        try:
            answer = _done(*scard.SCardTransmit(card, protocol, list(GET_UID)))
        finally:
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
    except _Failed:
        return b""
    return bytes(byte & 0xFF for byte in answer)


@contextmanager
def _context() -> Iterator[Any]:
    context = _done(*scard.SCardEstablishContext(scard.SCARD_SCOPE_USER))
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


def _done(result: int, *values: Any) -> Any:
    """What a call gave: one value, or a list of several."""
    if result != scard.SCARD_S_SUCCESS:
        raise _Failed(scard.SCardGetErrorMessage(result))
    return values[0] if len(values) == 1 else values
