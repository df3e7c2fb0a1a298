{
    "name": "Scenic Ticket B2B",
    "summary": "Travel agencies order tickets at their own prices in the portal",
    "version": "19.0.1.0.0",
    "category": "Sales/Scenic Ticket",
    "author": "Scenic Ticket",
    "license": "LGPL-3",
    "depends": ["scenic_ticket_base", "sale_management", "portal", "account"],
    "data": [
        "security/scenic_ticket_b2b_groups.xml",
        "security/ir.model.access.csv",
        "security/ir_rules.xml",
        "views/scenic_agency_contract_views.xml",
        "views/res_partner_views.xml",
        "views/sale_order_views.xml",
        "views/scenic_menus.xml",
        "views/portal_templates.xml",
        "views/booking_templates.xml",
    ],
    "demo": ["demo/scenic_ticket_b2b_demo.xml"],
    "assets": {
        "web.assets_frontend": [
            "scenic_ticket_b2b/static/src/interactions/**/*",
            "scenic_ticket_b2b/static/src/scss/**/*",
        ],
        "web.assets_tests": [
            "scenic_ticket_b2b/static/tests/tours/**/*",
        ],
    },
}
