"""Hands tickets out to the printers that a device works."""

import json

from odoo import models
from odoo.tools import SQL

from odoo.addons.scenic_ticket_base.models.scenic_print_job import MAX_WAIT_SECONDS


class ScenicDevice(models.Model):
    _inherit = "scenic.device"

    def _gate_print(self, key_hash, values, now=None):
        """Hand out the next ticket of a printer.

        :param dict values: as ``gate_schema.check_print`` returns them
        :param datetime now: naive UTC; by default the clock of the database
        :return: the answer of the API, or None if the key is no longer valid
        """
        self.ensure_one()
        [found] = self._fetch_one(
            SQL(
                "SELECT scenic_gate_print(%s, %s, %s::jsonb, %s * interval '1 second', "
                "%s)",
                self.id,
                key_hash,
                json.dumps(values),
                MAX_WAIT_SECONDS,
                now,
            )
        )
        if found is None:
            return None
        job = None
        if found["job"]:
            jobs = self.env["scenic.print.job"]
            # another connection has changed it
            jobs.invalidate_model()
            job = {
                "job": found["job"],
                **jobs.browse(found["job"])._dots(values["width"]),
            }
        return {"known": found["known"], "job": job}
