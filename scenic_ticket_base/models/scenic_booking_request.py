import json

import psycopg2.errors

from odoo import api, fields, models, tools
from odoo.exceptions import ConcurrencyError

from ..exceptions import BookingConflictError, BookingError
from ..tools.lock_first import lock_first

MAX_KEY = 200


class ScenicBookingRequest(models.Model):
    """What was answered to a request with an idempotency key.

    It is written in the transaction that did the work: either both are there or
    neither. A caller who lost the answer asks again with the same key and gets it.
    """

    _name = "scenic.booking.request"
    _description = "Booking Request"
    _order = "id desc"
    _rec_name = "key"

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, index=True, ondelete="cascade"
    )
    channel_id = fields.Many2one(
        "scenic.channel", required=True, readonly=True, index=True, ondelete="restrict"
    )
    key = fields.Char(required=True, readonly=True)
    operation = fields.Selection(
        [
            ("hold", "Hold"),
            ("extend", "Extend"),
            ("confirm", "Confirm"),
            ("amend", "Change"),
            ("cancel", "Cancel"),
        ],
        required=True,
        readonly=True,
    )
    body_hash = fields.Char(
        required=True,
        readonly=True,
        groups="base.group_system",
        help="Keyed fingerprint of what was asked for.",
    )
    booking_id = fields.Many2one(
        "scenic.booking", readonly=True, index=True, ondelete="cascade"
    )
    answer = fields.Json(readonly=True)

    _key_unique = models.Constraint(
        "UNIQUE (company_id, channel_id, key)", "This key was used before."
    )

    def init(self):
        with tools.file_open("scenic_ticket_base/sql/lock_first.sql") as file:
            self.env.cr.execute(file.read())

    @api.model
    def _fingerprint(self, body):
        """Return the keyed hash of what was asked for.

        Keyed, because a body may hold numbers of documents, which a plain hash
        would let anybody find by trying.
        """
        text = json.dumps(body, sort_keys=True, default=str)
        # sudo: the secret of the key file, which no user may read
        return self.env["scenic.signing.key"].sudo()._hash(text)

    @api.model
    def _once(self, operation, channel, company, key, body, act, names, alone=False):
        """Do an operation once, and all of it or nothing.

        Who comes meanwhile with the same key, or for the same order or booking, waits
        and then sees what was done, see :func:`~..tools.lock_first.lock_first`.

        :param str key: the caller's word for this one request; None: no repeat is
            looked for
        :param dict body: what else was asked for
        :param act: does it; returns the booking and the answer (fit for JSON)
        :param names: what to lock beside the key
        :param bool alone: without a key: the caller has locked the order, and undoes
            all that it did when this fails
        :return: the answer, of the first call if this is a repeat
        :raise BookingConflictError: the key stands for another request
        """
        if key is None and alone:
            return act()[1]
        if key is None:
            return lock_first(self.env, names, lambda: self._whole(act))
        if not isinstance(key, str) or not 0 < len(key.strip()) <= MAX_KEY:
            raise BookingError(
                self.env._(
                    "The key of a request is a text of 1 to %(max)s characters.",
                    max=MAX_KEY,
                ),
                code="KEY_INVALID",
            )
        body_hash = self._fingerprint(body)
        values = {"company_id": company.id, "channel_id": channel.id, "key": key}
        name = f"key {company.id} {channel.id} {key}"
        return lock_first(
            self.env,
            [name, *names],
            lambda: self._answer_once(operation, body_hash, values, act),
        )

    def _whole(self, act):
        with self.env.cr.savepoint():
            return act()[1]

    @api.model
    def _answer_once(self, operation, body_hash, values, act):
        """Do it, or return the answer to the request that had this key before."""
        # sudo: no user has the right to create requests
        requests_sudo = self.sudo()
        key = values["key"]
        request_sudo = requests_sudo.search([(k, "=", v) for k, v in values.items()])
        if request_sudo:
            if (request_sudo.operation, request_sudo.body_hash) != (
                operation,
                body_hash,
            ):
                raise BookingConflictError(
                    self.env._(
                        "Key %(key)s was used before for another request.", key=key
                    ),
                    code="KEY_CONFLICT",
                )
            return request_sudo.answer
        values = {**values, "operation": operation, "body_hash": body_hash}
        try:
            with self.env.cr.savepoint():
                # lock: written first, so that the same request arriving meanwhile
                # waits here and does nothing
                request_sudo = requests_sudo.create(values)
                request_sudo.flush_recordset()
                booking, answer = act()
                request_sudo.write({"booking_id": booking.id, "answer": answer})
        except psycopg2.errors.UniqueViolation as error:
            if error.diag.constraint_name != f"{self._table}_key_unique":
                raise
            # the other one is done: called again it finds the answer
            raise ConcurrencyError(f"booking request {key}") from error
        return answer

    @api.model
    def _cron_clean_up(self, limit=1000):
        """Forget requests that are older than their channel remembers keys."""
        cron = self.env["ir.cron"]
        in_cron = bool(self.env.context.get("ir_cron_progress_id"))
        now = fields.Datetime.now()
        channels = self.env["scenic.channel"].with_context(active_test=False)
        # pylint: disable-next=no-search-all
        for channel in channels.search([]):
            domain = [
                ("channel_id", "=", channel.id),
                (
                    "create_date",
                    "<",
                    fields.Datetime.subtract(now, days=channel.request_days),
                ),
            ]
            while requests := self.search(domain, limit=limit, order="id"):
                count = len(requests)
                requests.unlink()
                if in_cron and not cron._commit_progress(
                    count, remaining=self.search_count(domain, limit=limit)
                ):
                    return
