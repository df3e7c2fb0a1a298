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
        "security/scenic_desk_security.xml",
        "security/scenic_concession_override_security.xml",
        "security/scenic_shift_security.xml",
        "data/mail_template_data.xml",
        "data/product_data.xml",
        "report/scenic_shift_report.xml",
        "views/scenic_menu_views.xml",
        "views/pos_order_views.xml",
        "views/res_config_settings_views.xml",
        "views/scenic_audit_views.xml",
        "views/scenic_concession_override_views.xml",
        "views/scenic_shift_views.xml",
        "views/scenic_site_views.xml",
        "views/scenic_ticket_views.xml",
        "wizards/scenic_window_pin_set_views.xml",
    ],
    "assets": {
        "point_of_sale._assets_pos": [
            "scenic_ticket_pos/static/src/app/**/*",
        ],
        "point_of_sale.customer_display_assets": [
            "scenic_ticket_pos/static/src/customer_display/**/*",
        ],
        "point_of_sale.customer_display_assets_test": [
            "scenic_ticket_pos/static/tests/customer_display/**/*",
        ],
        "web.assets_tests": [
            "scenic_ticket_pos/static/tests/tours/**/*",
        ],
        "web.assets_unit_tests": [
            "scenic_ticket_pos/static/tests/unit/**/*",
        ],
    },
}
