from . import (
    pos_config,
    pos_order,
    pos_order_line,
    pos_order_line_visitor,
    pos_session,
    product_template,
    scenic_refund,
    scenic_site,
    scenic_slot,
    scenic_ticket,
    scenic_validity_rule,
)
