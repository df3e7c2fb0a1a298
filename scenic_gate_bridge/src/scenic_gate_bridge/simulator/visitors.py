"""Who comes to the park: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from .codes import PRODUCT_CLASS, RETURNS_CLASS, Mint, new_barcode
from .ledger import Ticket


class Kind(StrEnum):
    """What a party of visitors does."""

    ALONE = "alone"  # shows a ticket and walks in
    GROUP = "group"  # one code for several; sometimes fewer come
    STEPS_BACK = "steps back"  # hesitates, and walks late
    NO_SHOW = "no-show"  # shows a ticket, does not walk; comes again later
    COPY = "copy"  # a used code is shown once more, at any lane
    TWIN = "twin"  # one code at two lanes at the same time
    FORGED = "forged"  # a code that nobody sold
    UNSYNCED = "unsynced"  # a genuine QR, sold so lately that no copy has it
    RETURNS = "returns"  # goes out by an exit that reads the code, and comes in again
    BACK = "back"  # that one, coming in again
    TAILGATER = "tailgater"  # somebody pushes in behind
    WRONG_WAY = "wrong way"  # somebody pushes out through an entry
    FORCES = "forces"  # somebody pushes in without a ticket


SHARES = {
    Kind.ALONE: 51,
    Kind.GROUP: 8,
    Kind.STEPS_BACK: 5,
    Kind.NO_SHOW: 4,
    Kind.COPY: 5,
    Kind.TWIN: 4,
    Kind.FORGED: 5,
    Kind.UNSYNCED: 4,
    Kind.RETURNS: 5,
    Kind.TAILGATER: 5,
    Kind.WRONG_WAY: 2,
    Kind.FORCES: 2,
}


@dataclass(slots=True)
class Party:
    """Visitors with one code. `people` come, the ticket is for `persons`."""

    kind: Kind
    code: str
    persons: int = 1
    people: int = 1


def draw(parties: int, rng: random.Random, mint: Mint) -> list[Party]:
    """So many parties, each kind with its share, in any order. Half of them have a
    QR, the others a 1-D number, where the kind does not ask for a QR; a forger signs
    with a key of their own."""
    kinds = rng.choices(list(SHARES), weights=list(SHARES.values()), k=parties)
    forger = Mint(rng)
    found = []
    number = 1
    for kind in kinds:
        party = Party(kind, "")
        if kind is Kind.GROUP:
            party.persons = party.people = rng.randint(2, 8)
            if rng.random() < 0.25:
                party.people -= 1
        signer = forger if kind is Kind.FORGED else mint
        party.code = new_barcode(rng)
        if rng.random() < 0.5 or kind is Kind.UNSYNCED:
            product = RETURNS_CLASS if kind is Kind.RETURNS else PRODUCT_CLASS
            party.code = signer.qr(number, party.persons, product)
        number += kind is not Kind.FORGED
        found.append(party)
    return found


def holders(codes: dict[str, int], rng: random.Random) -> list[Party]:
    """The visitors who hold these codes (with the persons of each), and among them some
    whose codes nobody sold."""
    others = (Kind.GROUP, Kind.FORGED, Kind.UNSYNCED, Kind.RETURNS)
    alone = [kind for kind in SHARES if kind not in others]
    weights = [SHARES[kind] for kind in alone]
    found = []
    for code, persons in codes.items():
        kind = Kind.GROUP if persons > 1 else rng.choices(alone, weights)[0]
        found.append(Party(kind, code, persons, persons))
        if rng.random() < SHARES[Kind.FORGED] / 100:
            found.append(Party(Kind.FORGED, new_barcode(rng)))
    rng.shuffle(found)
    return found


def sold(parties: list[Party]) -> dict[str, Ticket]:
    """The tickets that they have bought."""
    return {
        party.code: Ticket(
            entries=party.persons,
            persons=party.persons,
            returns=party.kind is Kind.RETURNS,
        )
        for party in parties
        if party.kind is not Kind.FORGED
    }


def unsynced(parties: list[Party]) -> set[str]:
    """The codes that no copy has before they are used."""
    return {party.code for party in parties if party.kind is Kind.UNSYNCED}
