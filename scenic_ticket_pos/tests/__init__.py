from . import (
    test_access_table,
    test_life_line,
    test_shift,
    test_shift_report,
    test_window_books,
    test_window_refund,
    test_window_refund_policy,
    test_window_rights,
    test_window_sale,
    test_window_tours,
)
