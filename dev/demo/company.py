"""Run in ``odoo shell`` before the accounting is installed: whose database this is.

The country decides which chart of accounts the accounting add-on loads.
"""

from odoo.api import Environment

env: Environment = globals()["env"]

env.ref("base.CNY").active = True
env.company.write(
    {
        "name": "云溪山风景名胜区",
        "country_id": env.ref("base.cn").id,
        "currency_id": env.ref("base.CNY").id,
        "street": "云溪路 1 号",
        "city": "云溪",
        "phone": "0571 5550 0100",
    }
)
env.cr.commit()
