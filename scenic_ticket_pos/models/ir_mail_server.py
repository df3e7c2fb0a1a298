from odoo import models


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    def _build_email__(self, *args, **kwargs):  # noqa: PLW3201
        """Put a picture that the message shows (``cid:`` and its name) inside it.

        Mail programs show neither pictures in a data URI nor, unasked, pictures of a
        server, and the server of a park may not be reachable from a phone.
        """
        message = super()._build_email__(*args, **kwargs)
        page = message.get_body(("html",))
        html = page.get_content() if page else ""
        if '"cid:' not in html:
            return message
        for part in list(message.iter_attachments()):
            name = part.get_filename()
            if name and f'"cid:{name}"' in html:
                message.get_payload().remove(part)
                page.add_related(
                    part.get_content(),
                    *part.get_content_type().split("/"),
                    cid=f"<{name}>",
                    filename=name,
                    disposition="inline",
                )
        return message
