"""The hand-over sheet of a shift (交班单): its figures, and what is printed of them.

The figures are worked out in one place while the shift is open and kept as they are
when it is closed. The sheet is a list of small tables, so that the window, the page,
both papers and the spreadsheet show the same.
"""

import io
from datetime import timedelta
from itertools import chain

import xlsxwriter
from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL, format_datetime

TEXT, COUNT, MONEY = "text", "count", "money"


class ScenicShift(models.Model):
    _inherit = "scenic.shift"

    sheet = fields.Html(
        compute="_compute_sheet",
        sanitize=False,
        help="What stands on the hand-over sheet; of an open shift, as it is now.",
    )

    @api.depends_context("lang", "tz", "uid")
    def _compute_sheet(self):
        qweb = self.env["ir.qweb"]
        for shift in self:
            shift.sheet = shift._origin and Markup(
                qweb._render(
                    "scenic_ticket_pos.shift_sheet",
                    {"sections": shift._sections(), "money": shift._money},
                )
            )

    def _pos_data(self):
        """Return what the window shows, asks for and prints."""
        self.ensure_one()
        figures = self._kept_figures()
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "tolerance": self._tolerance(),
            "tenders": [t for t in figures["tenders"] if t["type"] != "pay_later"],
            "sections": self._sections(),
        }

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    def _kept_figures(self):
        """Return the figures of the hand-over, or of now while the shift is open."""
        self.ensure_one()
        return self.figures or self.sudo()._figures()

    def _figures(self, method_ids=()):
        """Work out the figures of an open shift; as superuser.

        :param method_ids: payment methods to show even if nothing was paid by them
        :return: a dict that can be kept as JSON. ``tenders``: payments by method;
            ``moves``: cash in and out; ``sold`` and ``refunded``: tickets by product
            and kind; ``reasons``: refunds by reason; ``changes``: differences of
            changed days and slots, paid and paid back; ``goods``: what else was sold
            and taken back; ``prints``; ``bills``: notes and coins counted
        """
        self.ensure_one()
        for name in (
            "pos.order",
            "pos.order.line",
            "pos.payment",
            "scenic.ticket",
            "scenic.refund",
            "scenic.refund.override",
        ):
            self.env[name].flush_model()
        moves = self._moves()
        tenders = self._tenders("scenic_shift_id")
        drawer = self._drawer()
        shown = {tender["method_id"] for tender in tenders}
        missing = {*drawer.ids, *method_ids} - shown
        methods = self.env["pos.payment.method"].browse(sorted(missing))
        tenders += [self._tender(method, 0, 0, 0) for method in methods]
        for tender in tenders:
            tender["drawer"] = tender["method_id"] == drawer.id
            own = tender["drawer"]
            tender["opening"] = self.cash_opening if own else 0
            tender["moves"] = sum(move["amount"] for move in moves) if own else 0
            tender["expected"] = self.currency_id.round(
                tender["opening"]
                + tender["sales"]
                + tender["refunds"]
                + tender["moves"]
            )
            tender["counted"] = tender["difference"] = None
        return {
            "tenders": tenders,
            "moves": moves,
            "sold": self._sold(),
            "refunded": self._refunded(),
            "reasons": self._reasons(),
            "changes": self._changes(),
            "goods": self._goods(),
            "prints": self._prints(),
            "bills": [],
        }

    def _drawer(self):
        """Return the payment method of the drawer that the register counts."""
        methods = self.session_id.payment_method_ids
        return methods.filtered("is_cash_count")[:1]

    def _tender(self, method, orders, sales, refunds):
        return {
            "method_id": method.id,
            "name": method.name,
            "type": method.type,
            "orders": orders,
            "sales": self.currency_id.round(sales),
            "refunds": self.currency_id.round(refunds),
        }

    def _tenders(self, link):
        """Add up the payments of the orders that point here, change taken off.

        :param str link: ``scenic_shift_id`` or ``scenic_late_shift_id``
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT payment.payment_method_id,
                       count(DISTINCT payment.pos_order_id),
                       coalesce(sum(payment.amount)
                           FILTER (WHERE pos_order.amount_total >= 0), 0),
                       coalesce(sum(payment.amount)
                           FILTER (WHERE pos_order.amount_total < 0), 0)
                  FROM pos_payment AS payment
                  JOIN pos_order ON pos_order.id = payment.pos_order_id
                 WHERE pos_order.%s = %s
              GROUP BY payment.payment_method_id
                """,
                SQL.identifier(link),
                self.id,
            )
        )
        by_method = {row[0]: row[1:] for row in rows}
        methods = self.env["pos.payment.method"].browse(by_method)
        drawer = self._drawer()
        return [
            self._tender(method, *by_method[method.id])
            for method in methods.sorted(lambda m: (m != drawer, m.sequence, m.id))
        ]

    def _moves(self):
        lines = self.env["account.bank.statement.line"].search(
            [("scenic_shift_id", "=", self.id)], order="id"
        )
        return [{"name": line.payment_ref, "amount": line.amount} for line in lines]

    def _sold(self):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT sold.product_id, sold.kind, sum(sold.tickets),
                       sum(sold.persons), sum(sold.amount), min(sold.first),
                       max(sold.last), sum(sold.voided)
                  FROM (
                       SELECT ticket.product_id, ticket.kind, count(*) AS tickets,
                              sum(ticket.persons) AS persons,
                              -- not of the tickets: they may have changed since
                              line.price_subtotal_incl AS amount,
                              min(ticket.name) AS first, max(ticket.name) AS last,
                              count(*) FILTER (WHERE ticket.state = 'void') AS voided
                         FROM scenic_ticket AS ticket
                         JOIN pos_order_line AS line
                              ON line.id = ticket.pos_order_line_id
                         JOIN pos_order ON pos_order.id = line.order_id
                        WHERE pos_order.scenic_shift_id = %s
                     GROUP BY ticket.product_id, ticket.kind, line.id
                       ) AS sold
              GROUP BY sold.product_id, sold.kind
              ORDER BY min(sold.first)
                """,
                self.id,
            )
        )
        return [
            {
                "product": self._product_name(product_id),
                "kind": kind,
                "tickets": int(tickets),
                "persons": int(persons),
                "amount": self.currency_id.round(amount),
                "first": first,
                "last": last,
                "voided": int(voided),
            }
            for product_id, kind, tickets, persons, amount, first, last, voided in rows
        ]

    def _refunded(self):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT refund.product_id, ticket.kind, count(DISTINCT ticket.id),
                       sum(refund.persons), sum(refund.fee_total),
                       sum(refund.amount_total)
                  FROM scenic_refund AS refund
                  JOIN scenic_ticket AS ticket ON ticket.id = refund.ticket_id
                  JOIN pos_order_line AS line ON line.id = refund.pos_line_id
                  JOIN pos_order ON pos_order.id = line.order_id
                 WHERE pos_order.scenic_shift_id = %s
              GROUP BY refund.product_id, ticket.kind
              ORDER BY min(refund.id)
                """,
                self.id,
            )
        )
        return [
            {
                "product": self._product_name(product_id),
                "kind": kind,
                "tickets": tickets,
                "persons": persons,
                "fee": self.currency_id.round(fee),
                "amount": self.currency_id.round(amount),
            }
            for product_id, kind, tickets, persons, fee, amount in rows
        ]

    def _reasons(self):
        rows = self.env.execute_query(
            SQL(
                """
                SELECT refund.reason, refund.cause, override.approver_id, count(*),
                       sum(refund.persons), sum(refund.amount_total)
                  FROM scenic_refund AS refund
                  JOIN pos_order_line AS line ON line.id = refund.pos_line_id
                  JOIN pos_order ON pos_order.id = line.order_id
             LEFT JOIN scenic_refund_override AS override
                       ON override.id = refund.override_id
                 WHERE pos_order.scenic_shift_id = %s
              GROUP BY refund.reason, refund.cause, override.approver_id
              ORDER BY min(refund.id)
                """,
                self.id,
            )
        )
        users = self.env["res.users"]
        return [
            {
                "reason": reason,
                "cause": cause,
                "approver": users.browse(approver_id).name or "",
                "refunds": refunds,
                "persons": persons,
                "amount": self.currency_id.round(amount),
            }
            for reason, cause, approver_id, refunds, persons, amount in rows
        ]

    def _changes(self):
        """Add up what changes of day or slot cost, fees included, and paid back."""
        [[paid, back]] = self.env.execute_query(
            SQL(
                """
                SELECT coalesce(sum(line.price_subtotal_incl)
                           FILTER (WHERE line.qty >= 0), 0),
                       coalesce(sum(line.price_subtotal_incl)
                           FILTER (WHERE line.qty < 0), 0)
                  FROM pos_order_line AS line
                  JOIN pos_order ON pos_order.id = line.order_id
                 WHERE pos_order.scenic_shift_id = %s
                   AND line.scenic_change_ticket_id IS NOT NULL
                """,
                self.id,
            )
        )
        return {
            "paid": self.currency_id.round(paid),
            "back": self.currency_id.round(back),
        }

    def _goods(self):
        """Add up the lines that are no tickets."""
        [[sold, refunded]] = self.env.execute_query(
            SQL(
                """
                SELECT coalesce(sum(line.price_subtotal_incl)
                           FILTER (WHERE line.qty >= 0), 0),
                       coalesce(sum(line.price_subtotal_incl)
                           FILTER (WHERE line.qty < 0), 0)
                  FROM pos_order_line AS line
                  JOIN pos_order ON pos_order.id = line.order_id
                  JOIN product_product AS product ON product.id = line.product_id
                  JOIN product_template AS template
                       ON template.id = product.product_tmpl_id
                 WHERE pos_order.scenic_shift_id = %s
                   AND template.service_tracking IS DISTINCT FROM 'scenic_ticket'
                   AND line.scenic_change_ticket_id IS NULL
                """,
                self.id,
            )
        )
        return {
            "sold": self.currency_id.round(sold),
            "refunded": self.currency_id.round(refunded),
        }

    def _prints(self):
        """Count what the cashier printed here since the hand-over of his before."""
        before = self.search(
            [
                ("session_id", "=", self.session_id.id),
                ("user_id", "=", self.user_id.id),
                ("number", "<", self.number),
            ],
            order="number desc",
            limit=1,
        )
        since = self.session_id.start_at or self.date_open
        if before:
            since = before.date_close + timedelta(seconds=1)
        counts = dict(
            self.env["scenic.print"]._read_group(
                [
                    ("user_id", "=", self.user_id.id),
                    ("terminal", "=", self.config_id.name),
                    ("event_time", ">=", since),
                ],
                ["kind"],
                ["__count"],
            )
        )
        return {
            "first": counts.get("first", 0),
            "again": counts.get("reprint", 0),
            "phone": counts.get("phone", 0),
        }

    def _product_name(self, product_id):
        product = self.env["product.product"].browse(product_id)
        return product.with_context(display_default_code=False).display_name

    # ------------------------------------------------------------
    # SHEET
    # ------------------------------------------------------------

    def _sections(self):
        """Return the sheet as small tables, for whoever shows it.

        :return: list of ``{"key", "title", "columns": [{"label", "type"}],
            "rows": [[cell]], "total": [cell] or False}``. A column is ``text``,
            ``count`` or ``money``; the first one says what the row is about. A cell
            that says nothing is None.
        """
        self.ensure_one()
        figures = self._kept_figures()
        sections = [
            self._section_head(),
            self._section_drawer(figures),
            self._section_tenders(figures),
            self._section_sold(figures),
            self._section_refunded(figures),
            self._section_reasons(figures),
            self._section_proof(figures),
            self._section_prints(figures),
            self._section_moves(figures),
            self._section_bills(figures),
            *self._sections_late(),
        ]
        return [section for section in sections if section["rows"]]

    def _section(self, key, title, columns, rows, total=False):
        """Return one table; ``total``: add a row of sums."""
        if total and rows:
            sums = [
                sum(row[at] for row in rows) if kind != TEXT else None
                for at, (_label, kind) in enumerate(columns)
            ]
            sums = [
                self.currency_id.round(value) if kind == MONEY else value
                for value, (_label, kind) in zip(sums, columns, strict=True)
            ]
            total = [self.env._("Total"), *sums[1:]]
        return {
            "key": key,
            "title": title,
            "columns": [{"label": label, "type": kind} for label, kind in columns],
            "rows": rows,
            "total": total or False,
        }

    def _time(self, moment):
        # sudo: a cashier may be limited to other sites than that of the window
        tz = self.sudo().site_id.tz or self.env.user.tz
        return moment and format_datetime(self.env, moment, tz=tz)

    def _section_head(self):
        counts = dict(self._fields["count_by"]._description_selection(self.env))
        rows = [
            [self.env._("Window"), self.config_id.sudo().name],
            [self.env._("Site"), self.site_id.sudo().complete_name],
            [self.env._("Cashier"), self.user_id.sudo().name],
            [self.env._("Opened"), self._time(self.date_open)],
            [self.env._("Handed over"), self._time(self.date_close)],
            [self.env._("Counted"), self.count_by and counts[self.count_by]],
            [self.env._("Remark"), self.remark],
        ]
        return self._section(
            "head",
            self.env._("Shift %(name)s", name=self.name),
            [("", TEXT), ("", TEXT)],
            [row for row in rows if row[1]],
        )

    def _section_drawer(self, figures):
        rows = []
        for drawer in figures["tenders"]:
            if drawer["drawer"]:
                rows = [
                    [self.env._("Opening float"), drawer["opening"]],
                    [self.env._("Cash sales, change taken off"), drawer["sales"]],
                    [self.env._("Cash paid back"), drawer["refunds"]],
                    [self.env._("Cash in and out"), drawer["moves"]],
                    [self.env._("Expected"), drawer["expected"]],
                ]
                if drawer["counted"] is not None:
                    rows += [
                        [self.env._("Counted"), drawer["counted"]],
                        [self.env._("Difference"), drawer["difference"]],
                    ]
        return self._section(
            "drawer", self.env._("Cash"), [("", TEXT), ("", MONEY)], rows
        )

    def _section_tenders(self, figures):
        return self._section(
            "tenders",
            self.env._("Payments"),
            [
                (self.env._("Payment method"), TEXT),
                (self.env._("Orders"), COUNT),
                (self.env._("Sales"), MONEY),
                (self.env._("Paid back"), MONEY),
                (self.env._("Expected"), MONEY),
                (self.env._("Counted"), MONEY),
                (self.env._("Difference"), MONEY),
            ],
            [
                [
                    tender["name"],
                    tender["orders"],
                    tender["sales"],
                    tender["refunds"],
                    tender["expected"],
                    tender["counted"],
                    tender["difference"],
                ]
                for tender in figures["tenders"]
            ],
        )

    def _kind(self, kind):
        field = self.env["scenic.ticket"]._fields["kind"]
        return dict(field._description_selection(self.env))[kind]

    def _section_sold(self, figures):
        return self._section(
            "sold",
            self.env._("Tickets sold"),
            [
                (self.env._("Ticket product"), TEXT),
                (self.env._("Kind"), TEXT),
                (self.env._("Tickets"), COUNT),
                (self.env._("Persons"), COUNT),
                (self.env._("Amount"), MONEY),
                (self.env._("First number"), TEXT),
                (self.env._("Last number"), TEXT),
            ],
            [
                [
                    row["product"],
                    self._kind(row["kind"]),
                    row["tickets"],
                    row["persons"],
                    row["amount"],
                    row["first"],
                    row["last"],
                ]
                for row in figures["sold"]
            ],
            total=True,
        )

    def _section_refunded(self, figures):
        return self._section(
            "refunded",
            self.env._("Tickets refunded"),
            [
                (self.env._("Ticket product"), TEXT),
                (self.env._("Kind"), TEXT),
                (self.env._("Tickets"), COUNT),
                (self.env._("Persons"), COUNT),
                (self.env._("Fee kept"), MONEY),
                (self.env._("Paid back"), MONEY),
            ],
            [
                [
                    row["product"],
                    self._kind(row["kind"]),
                    row["tickets"],
                    row["persons"],
                    row["fee"],
                    row["amount"],
                ]
                for row in figures["refunded"]
            ],
            total=True,
        )

    def _section_reasons(self, figures):
        field = self.env["scenic.refund"]._fields["cause"]
        causes = dict(field._description_selection(self.env))
        return self._section(
            "reasons",
            self.env._("Refunds by reason"),
            [
                (self.env._("Reason"), TEXT),
                (self.env._("Granted by"), TEXT),
                (self.env._("Approved by"), TEXT),
                (self.env._("Refunds"), COUNT),
                (self.env._("Persons"), COUNT),
                (self.env._("Paid back"), MONEY),
            ],
            [
                [
                    row["reason"],
                    causes[row["cause"]],
                    row["approver"] or None,
                    row["refunds"],
                    row["persons"],
                    row["amount"],
                ]
                for row in figures["reasons"]
            ],
            total=True,
        )

    def _section_proof(self, figures):
        """Show how tickets and goods come to the payments."""
        rows = [
            [self.env._("Tickets sold"), sum(row["amount"] for row in figures["sold"])],
            [
                self.env._("Tickets refunded"),
                0 - sum(row["amount"] for row in figures["refunded"]),
            ],
            *(
                [label, amount]
                for label, amount in (
                    # sheets of before know no changes
                    (
                        self.env._("Changes paid"),
                        figures.get("changes", {}).get("paid"),
                    ),
                    (
                        self.env._("Changes paid back"),
                        figures.get("changes", {}).get("back"),
                    ),
                )
                if amount
            ),
            [self.env._("Other goods sold"), figures["goods"]["sold"]],
            [self.env._("Other goods taken back"), figures["goods"]["refunded"]],
        ]
        paid = self.currency_id.round(
            sum(t["sales"] + t["refunds"] for t in figures["tenders"])
        )
        rounding = self.currency_id.round(paid - sum(row[1] for row in rows))
        if not any(row[1] for row in rows):
            return self._section("proof", self.env._("Sales"), [], [])
        rows += [[self.env._("Rounding"), rounding], [self.env._("All payments"), paid]]
        return self._section(
            "proof", self.env._("Sales"), [("", TEXT), ("", MONEY)], rows
        )

    def _section_prints(self, figures):
        rows = [
            [self.env._("First prints"), figures["prints"]["first"]],
            [self.env._("Printed again"), figures["prints"]["again"]],
            # sheets closed before this was counted do not have it
            [self.env._("Handed to a phone"), figures["prints"].get("phone", 0)],
            [self.env._("Voided"), sum(row["voided"] for row in figures["sold"])],
        ]
        return self._section(
            "prints", self.env._("Tickets"), [("", TEXT), ("", COUNT)], rows
        )

    def _section_moves(self, figures):
        rows = [[move["name"], move["amount"]] for move in figures["moves"]]
        return self._section(
            "moves",
            self.env._("Cash in and out"),
            [("", TEXT), ("", MONEY)],
            rows,
            total=True,
        )

    def _section_bills(self, figures):
        rows = [
            [self._money(value), number, self.currency_id.round(value * number)]
            for value, number in figures["bills"]
        ]
        return self._section(
            "bills",
            self.env._("Notes and coins"),
            [
                (self.env._("Value"), TEXT),
                (self.env._("Number"), COUNT),
                (self.env._("Amount"), MONEY),
            ],
            rows,
            total=True,
        )

    def _sections_late(self):
        """Return what was paid before the hand-over and arrived after it."""
        if self.state != "closed" or not self.late_count:
            return []
        # sudo: who may see the shift may know what arrived later
        shift_sudo = self.sudo()
        tenders = shift_sudo._tenders("scenic_late_shift_id")
        orders_sudo = shift_sudo.env["pos.order"].search(
            [("scenic_late_shift_id", "=", self.id)], order="date_order, id"
        )
        orders = self._section(
            "late",
            self.env._("Arrived after the hand-over"),
            [
                (self.env._("Order"), TEXT),
                (self.env._("Paid on"), TEXT),
                (self.env._("Arrived on"), TEXT),
                (self.env._("Sent by"), TEXT),
                (self.env._("Tickets"), COUNT),
                (self.env._("Amount"), MONEY),
            ],
            [
                [
                    order_sudo.pos_reference or order_sudo.name,
                    self._time(order_sudo.date_order),
                    self._time(order_sudo.create_date),
                    order_sudo.create_uid.name,
                    len(order_sudo._scenic_tickets()),
                    order_sudo.amount_total,
                ]
                for order_sudo in orders_sudo
            ],
            total=True,
        )
        rows = [[t["name"], t["sales"] + t["refunds"]] for t in tenders]
        drawer = shift_sudo._drawer()
        cash = sum(
            row[1]
            for row, t in zip(rows, tenders, strict=True)
            if t["method_id"] == drawer.id
        )
        if drawer and self.count_by != "none":
            rows.append(
                [
                    self.env._("Difference of the cash with what arrived later"),
                    self.currency_id.round(self.cash_difference - cash),
                ]
            )
        payments = self._section(
            "late_tenders",
            self.env._("Payments that arrived after the hand-over"),
            [("", TEXT), ("", MONEY)],
            rows,
        )
        return [orders, payments]

    # ------------------------------------------------------------
    # SPREADSHEET
    # ------------------------------------------------------------

    def _xlsx(self):
        """Return the sheet as the bytes of an XLSX file."""
        self.ensure_one()
        file = io.BytesIO()
        book = xlsxwriter.Workbook(
            file,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        digits = "0" * self.currency_id.decimal_places
        money = f"#,##0.{digits}" if digits else "#,##0"
        formats = {
            TEXT: book.add_format(),
            COUNT: book.add_format({"num_format": "0"}),
            MONEY: book.add_format({"num_format": money}),
        }
        title = book.add_format({"bold": True, "font_size": 13})
        label = book.add_format({"bold": True, "bottom": 1})
        sheet = book.add_worksheet(self.env._("Hand-Over"))
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 6, 18)
        line = 0
        for section in self._sections():
            sheet.write_string(line, 0, section["title"], title)
            line += 1
            columns = section["columns"]
            if any(column["label"] for column in columns):
                for at, column in enumerate(columns):
                    sheet.write_string(line, at, column["label"], label)
                line += 1
            totals = [section["total"]] if section["total"] else []
            for row in chain(section["rows"], totals):
                for at, (cell, column) in enumerate(zip(row, columns, strict=True)):
                    if cell is None:
                        continue
                    if isinstance(cell, str):
                        sheet.write_string(line, at, cell, formats[TEXT])
                    else:
                        sheet.write_number(line, at, cell, formats[column["type"]])
                line += 1
            line += 1
        book.close()
        return file.getvalue()
