"""Sentences made of clauses."""

from functools import reduce


def join_clauses(env, clauses):
    """Return clauses as one text, separated as the language of the user does."""
    return reduce(
        lambda left, right: env._("%(left)s; %(right)s", left=left, right=right),
        clauses or [""],
    )
