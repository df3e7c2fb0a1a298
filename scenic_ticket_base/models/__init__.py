# The mixins come first: models of other add-ons inherit from them.
from . import (
    scenic_append_only,
    scenic_audited,
    scenic_figure_mixin,
    scenic_weekday_mixin,
)
from . import scenic_append_only, scenic_audited, scenic_weekday_mixin
from . import scenic_append_only, scenic_audited, scenic_life_line

# isort: split
from . import (
    account_move,
    ir_actions_report,
    product_pricelist_item,
    product_template,
    res_company,
    res_config_settings,
    res_groups,
    res_partner,
    res_users,
    scenic_audit,
    scenic_blacklist,
    scenic_blackout,
    scenic_booking,
    scenic_booking_line,
    scenic_channel,
    scenic_complaint,
    scenic_credential,
    scenic_eligibility,
    scenic_entitlement,
    scenic_membership,
    scenic_membership_freeze,
    scenic_opening_hours,
    scenic_print,
    scenic_refund_policy,
    scenic_revenue_entry,
    scenic_signing_key,
    scenic_site,
    scenic_slot,
    scenic_staff_card,
    scenic_ticket,
    scenic_ticket_component,
    scenic_validity_rule,
    scenic_visitor,
)
