from . import (
    account_move,
    account_move_line,
    ir_http,
    product_template,
    res_partner,
    sale_order,
    sale_order_line,
    scenic_agency_contract,
    scenic_agency_contract_line,
    scenic_booking,
    scenic_ticket,
)
