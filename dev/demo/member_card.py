"""Run in ``odoo shell`` on the demo database: a member with an annual card.

Prints the number of the card's ticket.
"""

from odoo.api import Environment

env: Environment = globals()["env"]
env = env(context={**env.context, "lang": "zh_CN", "tz": "Asia/Shanghai"})
ORDER = "demo-member"


def main():
    product = env.ref("scenic_ticket_base.ticket_year_card").product_variant_id
    booking = env["scenic.booking"]._hold(
        "window",
        ORDER,
        [
            {
                "product_id": product.id,
                "quantity": 1,
                "visit_date": None,
                "visitors": [
                    {
                        "name": "孙悦",
                        "doc_kind": "cn_id",
                        "doc_number": "110105199003070017",
                    }
                ],
            }
        ],
    )
    print(booking._confirm().name)
    env.cr.commit()


main()
