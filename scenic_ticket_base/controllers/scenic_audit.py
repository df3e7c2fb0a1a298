from werkzeug.wsgi import wrap_file

from odoo import http
from odoo.http import content_disposition, request

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ScenicAuditController(http.Controller):
    @http.route(
        "/scenic/audit/export/<int:export_id>",
        type="http",
        auth="user",
        methods=["GET"],
    )
    def scenic_audit_export(self, export_id):
        """Send an export of the audit trail, piece by piece from its file."""
        export = request.env["scenic.audit.export"].browse(export_id).exists()
        if not export:
            raise request.not_found()
        file = export._write_file()
        size = file.tell()
        file.seek(0)
        return request.make_response(
            wrap_file(request.httprequest.environ, file),
            headers=[
                ("Content-Type", CONTENT_TYPES[export.file_type]),
                ("Content-Length", size),
                (
                    "Content-Disposition",
                    content_disposition(f"audit_trail.{export.file_type}"),
                ),
                ("Cache-Control", "no-store"),
            ],
        )
