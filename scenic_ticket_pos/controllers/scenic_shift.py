from odoo import http
from odoo.http import content_disposition, request


class ScenicShiftController(http.Controller):
    @http.route(
        "/scenic/shift/<int:shift_id>/xlsx",
        type="http",
        auth="user",
        methods=["GET"],
        readonly=True,
    )
    def scenic_shift_xlsx(self, shift_id):
        """Send the hand-over sheet of a shift as a spreadsheet."""
        shift = request.env["scenic.shift"].browse(shift_id).exists()
        if not shift:
            raise request.not_found()
        shift.check_access("read")
        name = shift.name.replace("/", "-")
        return request.make_response(
            shift._xlsx(),
            headers=[
                (
                    "Content-Type",
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                ),
                ("Content-Disposition", content_disposition(f"{name}.xlsx")),
                ("Cache-Control", "no-store"),
            ],
        )
