from . import (
    scenic_audit_export,
    scenic_credential_change,
    scenic_holder_change,
    scenic_membership_photo,
    scenic_membership_suspend,
    scenic_refund_request,
    scenic_staff_card_issue,
    scenic_staff_card_revoke,
    scenic_ticket_change,
    scenic_visitor_block,
    scenic_visitor_reason,
)
