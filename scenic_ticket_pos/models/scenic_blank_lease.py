"""The blanks that a window sells while it cannot reach the server."""

from odoo import api, fields, models

from odoo.addons.scenic_ticket_base.exceptions import CapacityError, ScenicError


class ScenicBlankLease(models.Model):
    _inherit = "scenic.blank.lease"

    config_id = fields.Many2one(
        "pos.config",
        string="Window",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    session_id = fields.Many2one(
        "pos.session",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The session in which they were lent.",
    )

    @api.model
    def _pos_lock_name(self, session):
        """Return what calls about the blanks of a window wait for, one another."""
        return f"blanks of window {session.config_id.id}"

    @api.model
    def _pos_sync(self, session, device, known, spoiled):
        """Bring a window's browser and the server in line about its blanks.

        :param session: ``pos.session``, of a cashier who may sell there
        :param str device: the browser
        :param known: ids of the blanks that it has
        :param spoiled: ids of those it had taken for an order that was given up
        :return: see ``pos.session.scenic_sync_blanks``
        """
        # sudo: leases are nobody's to write; the right to sell was checked
        leases_sudo = self.sudo().search(
            [("config_id", "=", session.config_id.id), ("state", "=", "open")]
        )
        over_sudo = leases_sudo.filtered(
            lambda lease: lease.date_end <= fields.Datetime.now()
        )
        for lease_sudo in over_sudo:
            lease_sudo._end()
        own_sudo = (leases_sudo - over_sudo).filtered(lambda r: r.device == device)
        own_sudo._pos_spoil(spoiled)
        quotas = []
        if session.state == "opened":
            quotas = [
                self._pos_top_up(session, device, product)
                for product in session.config_id._scenic_blank_products()
            ]
        mine_sudo = self.sudo().search(
            [
                ("config_id", "=", session.config_id.id),
                ("state", "=", "open"),
                ("device", "=", device),
            ]
        )
        left_sudo = mine_sudo.ticket_ids.filtered(
            lambda t: t.blank_state == "left"
        ).sorted("number")
        fresh_sudo = left_sudo.filtered(lambda t: t.id not in known)
        return {
            "blanks": fresh_sudo._pos_blank_rows(session.config_id),
            "gone": sorted(known - set(left_sudo.ids)),
            "quotas": quotas,
        }

    def _pos_spoil(self, spoiled):
        """Void the blanks of these leases that a browser reports as spoiled."""
        taken = self.ticket_ids.filtered(lambda t: t.id in spoiled)
        if taken:
            taken._return_blanks(
                "spoiled", self.env._("Taken for an order that was given up")
            )

    @api.model
    def _pos_top_up(self, session, device, product):
        """Lend a window what it lacks of a product, to its size in all browsers.

        What was sold and has not arrived counts as lent, so no more than the size is
        out at any time.

        :return: dict ``product_id``, ``size`` and ``why`` it has less, or False
        """
        size = session.config_id.scenic_blank_size
        # sudo: as in :meth:`_pos_sync`
        out = (
            self.env["scenic.ticket"]
            .sudo()
            .search_count(
                [
                    ("blank_state", "=", "left"),
                    ("product_id", "=", product.id),
                    ("lease_id.config_id", "=", session.config_id.id),
                    ("lease_id.state", "=", "open"),
                ]
            )
        )
        why = False
        wanted = size - out
        try:
            if wanted > 0:
                try:
                    self._pos_lease(session, device, product, wanted)
                except CapacityError as error:
                    left = min(error.left or 0, wanted - 1)
                    if left < 1:
                        raise
                    self._pos_lease(session, device, product, left)
        except ScenicError as error:
            why = str(error)
        return {"product_id": product.id, "size": size, "why": why}

    @api.model
    def _pos_lease(self, session, device, product, count):
        with self.env.cr.savepoint():
            return self._lease(
                session.config_id._scenic_channel(),
                session.config_id.name,
                device,
                product,
                count,
                config_id=session.config_id.id,
                session_id=session.id,
            )

    @api.model
    def _pos_return(self, session, device, spoiled):
        """Take back all blanks that a browser has, when its session is closed."""
        # sudo: as in :meth:`_pos_sync`
        own_sudo = self.sudo().search(
            [
                ("config_id", "=", session.config_id.id),
                ("state", "=", "open"),
                ("device", "=", device),
            ]
        )
        own_sudo._pos_spoil(spoiled)
        own_sudo._give_back(self.env._("The session was closed"))
