from . import (
    test_access,
    test_access_table,
    test_contract,
    test_life_line,
    test_money,
    test_portal,
    test_refund,
    test_sale_order,
    test_tour,
)
