"""What many methods ask for before they begin: a group of the user, and a reason."""

from odoo.exceptions import AccessError

from ..exceptions import ReasonMissingError

SERVICE = "scenic_ticket_base.group_scenic_customer_service"
SUPERVISOR = "scenic_ticket_base.group_scenic_supervisor"


def check_groups(env, groups, message):
    """Check that the user is in one of some groups.

    :param groups: their XML ids
    :param str message: who may do it, in the language of the user
    :raise AccessError: with the message
    """
    if not any(map(env.user.has_group, groups)):
        raise AccessError(message)


def check_reason(env, reason):
    """Check that a reason was given, for the audit trail.

    :raise ReasonMissingError:
    """
    if not (reason or "").strip():
        raise ReasonMissingError(env._("Please give a reason."))
