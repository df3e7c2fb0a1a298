from . import (
    test_access,
    test_contract,
    test_money,
    test_portal,
    test_sale_order,
    test_tour,
)
