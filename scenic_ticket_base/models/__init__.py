# The mixins come first: models of other add-ons inherit from them.
from . import scenic_append_only, scenic_audited, scenic_weekday_mixin

# isort: split
from . import (
    account_move,
    ir_actions_report,
    product_pricelist_item,
    product_template,
    res_company,
    res_config_settings,
    res_groups,
    res_users,
    scenic_audit,
    scenic_blackout,
    scenic_booking,
    scenic_booking_line,
    scenic_channel,
    scenic_credential,
    scenic_eligibility,
    scenic_entitlement,
    scenic_membership,
    scenic_membership_freeze,
    scenic_opening_hours,
    scenic_refund_policy,
    scenic_revenue_entry,
    scenic_signing_key,
    scenic_site,
    scenic_slot,
    scenic_ticket,
    scenic_ticket_component,
    scenic_validity_rule,
    scenic_visitor,
)
