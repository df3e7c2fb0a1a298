import json

from odoo import http
from odoo.http import content_disposition, request

HEADERS = [
    # personal data: not in caches
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
]


class ScenicVisitorExport(http.Controller):
    @http.route(
        "/scenic/visitor/<int:visitor_id>/export/<string:file_format>",
        type="http",
        auth="user",
        methods=["GET"],
        # it is written into the audit trail
        readonly=False,
    )
    def scenic_visitor_export(self, visitor_id, file_format, reason="", **_kw):
        """Download what is stored of one visitor."""
        visitor = request.env["scenic.visitor"].browse(visitor_id).exists()
        if not visitor or file_format not in ("html", "json"):
            raise request.not_found()
        exported = visitor._export(reason)
        if file_format == "json":
            content = json.dumps(exported, ensure_ascii=False, indent=2)
            mimetype = "application/json"
        else:
            content = visitor._render_export(exported)
            mimetype = "text/html; charset=utf-8"
        response = request.make_response(
            content, [("Content-Type", mimetype), *HEADERS]
        )
        response.headers["Content-Disposition"] = content_disposition(
            f"visitor-{visitor_id}.{file_format}"
        )
        return response
