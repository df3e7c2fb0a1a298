from odoo import models


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    def _build_email__(self, *args, attachments=None, **kwargs):  # noqa: PLW3201
        """Put a picture that the message shows (``cid:`` and its name) inside it.

        Mail programs show neither pictures in a data URI nor, unasked, pictures of a
        server, and the server of a park may not be reachable from a phone.
        """
        html = kwargs.get("body") or ""
        is_html = kwargs.get("subtype") == "html"
        inline, others = [], []
        for attachment in attachments or []:
            shown = is_html and f'"cid:{attachment[0]}"' in html
            (inline if shown else others).append(attachment)
        message = super()._build_email__(*args, attachments=others, **kwargs)
        if inline:
            # an EmailMessage finds its page also behind attachments
            page = message.get_body(("html",))
            for name, content, mimetype in inline:
                page.add_related(
                    content,
                    *mimetype.split("/"),
                    cid=f"<{name}>",
                    filename=name,
                    disposition="inline",
                )
        return message
