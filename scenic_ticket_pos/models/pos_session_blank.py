from odoo import models

from odoo.addons.scenic_ticket_base.tools.lock_first import lock_first

from ..exceptions import WindowBlankError

MAX_DEVICE = 64
MAX_IDS = 20000


class PosSession(models.Model):
    _inherit = "pos.session"

    def scenic_sync_blanks(self, device, known, spoiled=()):
        """Give the window's browser the blanks that it lacks.

        Called again, for instance because the answer was lost, it gives the same: what
        was lent and is not among ``known`` is told once more, nothing is lent twice.

        :param str device: the browser that keeps them
        :param list known: ids of the blanks that it has, those sold already included
        :param list spoiled: ids of blanks taken for an order that was given up
        :return: dict ``blanks``: what is new to the browser, codes included; ``gone``:
            ids of those known that it must not sell any more; ``quotas``: for each
            product ``product_id``, ``size`` and ``why`` there are less, or False
        :raise WindowRightError: the user may not sell tickets
        :raise WindowBlankError: these are no blanks
        """
        return self._scenic_blank_call("_pos_sync", device, known, spoiled)

    def scenic_return_blanks(self, device, spoiled=()):
        """Take back all blanks of a browser: its session is about to be closed.

        Whoever has sold one sends the order first.

        :return: True
        """
        self._scenic_blank_call("_pos_return", device, spoiled)
        return True

    def _scenic_blank_call(self, method, device, *lists):
        self._scenic_check_window()
        if not isinstance(device, str) or not 0 < len(device) <= MAX_DEVICE:
            self._scenic_raise_blanks()
        parsed = []
        for ids in lists:
            if (
                not isinstance(ids, list | tuple)
                or len(ids) > MAX_IDS
                or any(type(id_) is not int for id_ in ids)
            ):
                self._scenic_raise_blanks()
            parsed.append(set(ids))
        leases = self.env["scenic.blank.lease"].with_company(self.company_id)
        return lock_first(
            self.env,
            [leases._pos_lock_name(self)],
            lambda: getattr(leases, method)(self, device, *parsed),
        )

    def _scenic_raise_blanks(self):
        raise WindowBlankError(
            self.env._("What the window tells of its blanks is not readable.")
        )
