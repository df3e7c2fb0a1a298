from . import (
    test_kiosk_collect,
    test_kiosk_forgery,
    test_kiosk_order,
    test_kiosk_tickets,
    test_kiosk_tours,
)
