"""Exact splitting of money (no Odoo in here)."""


def split_units(total, weights):
    """Split whole currency units by weight with the largest remainder method.

    The shares are whole, never negative and sum to the total; equal weights
    differ by one unit at most, the earlier ones getting it. The same input
    always gives the same output.

    :param int total: smallest currency units (cents), 0 or more
    :param list weights: whole numbers, 0 or more, at least one above 0
    """
    if total < 0 or not weights or min(weights) < 0 or not sum(weights):
        raise ValueError(f"cannot split {total} by {weights}")
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for index in order[: total - sum(shares)]:
        shares[index] += 1
    return shares


def earned_units(total, used, entries):
    """Return how much of a total is earned after some of its entries were used.

    Rounded down, so that the last entry takes the residual: the sum is exact.
    """
    if not 0 <= used <= entries:
        raise ValueError(f"{used} of {entries} entries used")
    return total * used // entries if entries else 0
