from . import (
    test_contract,
    test_money,
    test_sale_order,
)
