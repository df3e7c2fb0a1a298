"""Run in ``odoo shell`` on the demo database: whom the window's pictures show.

Two members of almost the same name with photos, one of them with an IC card, a group
whose members are named, and a window that is lent no blanks until somebody asks: each
picture is taken in a browser of its own, and blanks are lent to one of them.
"""

import base64
import io

from PIL import Image, ImageDraw

from odoo.api import Environment

env: Environment = globals()["env"]
env = env(context={**env.context, "lang": "zh_CN", "tz": "Asia/Shanghai"})

#: Name, citizen number of nobody, telephone, ticket, IC card, colour of the coat.
MEMBERS = (
    ("周建华", "110105199003070308", "13955500103", "year_card", "04C5D6E7", "#b5563a"),
    ("周建国", "110105194912310038", "13955500104", "count_card", "", "#3a6db5"),
)


def portrait(coat):
    """A drawn face, so that no photo of anybody is in the demo."""
    image = Image.new("RGB", (256, 256), "#dfe7ec")
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 176, 216, 360), fill=coat)
    draw.ellipse((76, 44, 180, 172), fill="#2d2622")
    draw.ellipse((84, 64, 172, 176), fill="#f0c9a6")
    draw.rectangle((84, 58, 172, 88), fill="#2d2622")
    for x in (108, 142):
        draw.ellipse((x, 112, x + 8, 120), fill="#2d2622")
    draw.arc((108, 124, 148, 154), 20, 160, fill="#a0522d", width=4)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue())


def member(name, number, phone, ticket, card, coat):
    product = env.ref(f"scenic_ticket_base.ticket_{ticket}").product_variant_id
    visitor = {
        "name": name,
        "doc_kind": "cn_id",
        "doc_number": number,
        "phone": phone,
    }
    line = {
        "product_id": product.id,
        "quantity": 1,
        "visit_date": None,
        "visitors": [visitor],
    }
    booking = env["scenic.booking"]._hold("window", f"demo-{number}", [line])
    membership = booking._confirm().membership_id
    membership.action_set_photo(portrait(coat))
    if card:
        membership._replace("ic_card", card, "首次发卡")


def main():
    for values in MEMBERS:
        member(*values)
    env.ref("scenic_ticket_base.ticket_group_guide").write(
        {"scenic_real_name": "visitor"}
    )
    env["pos.config"].search([("name", "=", "南门售票窗口")]).scenic_blank_size = 0
    env.cr.commit()


main()
