{
    "name": "Scenic Ticket: Kiosk",
    "summary": "Sell attraction tickets at an unattended self-service kiosk",
    "version": "19.0.1.0.0",
    "category": "Sales/Point of Sale",
    "author": "Scenic Ticket",
    "license": "LGPL-3",
    "depends": ["scenic_ticket_pos", "pos_self_order"],
    "auto_install": True,
    "assets": {
        "pos_self_order.assets": [
            "web/static/lib/zxing-library/zxing-library.js",
            "point_of_sale/static/src/app/utils/make_awaitable_dialog.js",
            "scenic_ticket_pos/static/src/app/models/**/*",
            "scenic_ticket_pos/static/src/app/utils/ticket_codes.js",
            "scenic_ticket_pos/static/src/app/utils/visit_places.js",
            "scenic_ticket_pos/static/src/app/utils/visit_prices.js",
            "scenic_ticket_pos/static/src/app/utils/visitor_names.js",
            "scenic_ticket_pos/static/src/app/components/ticket_stub/*",
            "scenic_ticket_pos/static/src/app/components/visit_picker/*",
            "scenic_ticket_pos_kiosk/static/src/app/**/*",
        ],
        "pos_self_order.assets_tests": [
            "scenic_ticket_pos_kiosk/static/tests/tours/**/*",
        ],
    },
}
