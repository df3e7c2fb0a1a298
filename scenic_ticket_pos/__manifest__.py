{
    "name": "Scenic Ticket: Window",
    "summary": "Sell, print and refund attraction tickets in the Point of Sale",
    "version": "19.0.1.0.0",
    "category": "Sales/Point of Sale",
    "author": "Scenic Ticket",
    "license": "LGPL-3",
    "depends": ["scenic_ticket_base", "point_of_sale"],
    "external_dependencies": {"python": ["openpyxl", "xlsxwriter"]},
    "data": [
        "security/scenic_ticket_pos_groups.xml",
        "security/ir.model.access.csv",
        "security/scenic_shift_security.xml",
        "report/scenic_shift_report.xml",
        "views/scenic_menu_views.xml",
        "views/pos_order_views.xml",
        "views/res_config_settings_views.xml",
        "views/scenic_shift_views.xml",
        "views/scenic_site_views.xml",
        "views/scenic_ticket_views.xml",
    ],
    "assets": {
        "point_of_sale._assets_pos": [
            "scenic_ticket_pos/static/src/app/**/*",
        ],
        "web.assets_tests": [
            "scenic_ticket_pos/static/tests/tours/**/*",
        ],
        "web.assets_unit_tests": [
            "scenic_ticket_pos/static/tests/unit/**/*",
        ],
    },
}
