import functools
import json
from datetime import date, datetime

from odoo import api, fields, models


@functools.lru_cache(maxsize=256)
def _statement(table, varying, shared):
    """Return the INSERT of rows: values that all share, then the rows as JSON.

    Ids are given in the order of the rows, in whatever order they are returned.

    :param str table: name of the table
    :param varying: ``((column, type), …)`` of what differs from row to row
    :param shared: likewise, of what all rows have
    """
    columns = [f'"{name}"' for name, _type in (*varying, *shared)]
    values = [f'"{name}"' for name, _type in varying]
    values += [f"%s::{type_}" for _name, type_ in shared]
    row = ["position integer", *(f'"{name}" {type_}' for name, type_ in varying)]
    return (
        f'INSERT INTO "{table}" ({", ".join(columns)}) SELECT {", ".join(values)} '
        f"FROM jsonb_to_recordset(%s::jsonb) AS row ({', '.join(row)}) "
        "ORDER BY position RETURNING id"
    )


class ScenicBulk(models.AbstractModel):
    """Records that are made by the thousand: one statement for all of them.

    The ORM inserts 100 rows a statement. What its ``create`` does besides, for the
    sake of forms and chatter, is not done here: no tracking, no followers, no
    override of ``create``, no ``@api.constrains``. So it is for records that no user
    creates; what must hold for them are constraints of the table.
    """

    _name = "scenic.bulk"
    _description = "Bulk Insert"

    @api.model
    def _bulk_create(self, vals_list):
        """Create records and return them in the order of their values.

        Values that are missing get their defaults; stored computed fields that are
        missing are computed, which costs queries: give them.

        :param vals_list: dicts of columns of this table; all have the same keys
        """
        if not vals_list:
            return self.browse()
        given = set(vals_list[0])
        missing = [
            name
            for name, field in self._fields.items()
            if field.store and field.column_type and name not in given and name != "id"
        ]
        now = self.env.cr.now()
        log = {"create_uid": self.env.uid, "write_uid": self.env.uid}
        log.update(create_date=now, write_date=now)
        common = self.default_get(missing)
        common.update({k: v for k, v in log.items() if k in missing})
        names = [*vals_list[0], *common]
        converted = {
            name: self._bulk_convert(name, vals_list, common) for name in names
        }
        count = len(vals_list)
        records = self.browse(self._bulk_insert(converted, count))
        for name, (_column, cache) in converted.items():
            values = cache if len(cache) > 1 else cache * count
            self._fields[name]._insert_cache(records, values)
        self._bulk_modified(records, names)
        return records

    def _bulk_convert(self, name, vals_list, common):
        """Return the values of a field as for the column and as for the cache.

        A value that all rows share stands there once.
        """
        field, memo = self._fields[name], {}
        if name in common:
            vals_list = vals_list[:1]
        column, cache = [], []
        for values in vals_list:
            value = common[name] if name in common else values[name]
            key = value if field.type != "json" else id(value)
            if key not in memo:
                if field.type == "monetary":
                    currency = self._bulk_currency(field, {**common, **values})
                    raw = value = currency.round(value or 0.0)
                else:
                    raw = field.convert_to_column_insert(value, self, values)
                memo[key] = (
                    self._bulk_text(getattr(raw, "adapted", raw)),
                    field.convert_to_cache(value, self, validate=False),
                )
            known = memo[key]
            column.append(known[0])
            cache.append(known[1])
        if len(memo) == 1:
            return column[:1], cache[:1]
        return column, cache

    def _bulk_currency(self, field, values):
        """Return the currency of an amount; the ORM makes a record to ask it."""
        name = field.get_currency_field(self)
        if name in values:
            return self.env["res.currency"].browse(values[name])
        link, _dot, path = self._fields[name].related.partition(".")
        parent = self.env[self._fields[link].comodel_name].browse(values[link])
        return parent.mapped(path)

    def _bulk_insert(self, converted, count):
        varying = {name: c for name, (c, _cache) in converted.items() if len(c) > 1}
        shared = {name: c[0] for name, (c, _cache) in converted.items() if len(c) == 1}
        names = ("position", *varying)
        rows = [
            dict(zip(names, row, strict=True))
            for row in zip(range(count), *varying.values(), strict=True)
        ]
        self.env.cr.execute(
            _statement(
                self._table,
                tuple((name, self._bulk_type(name)) for name in varying),
                tuple((name, self._bulk_type(name)) for name in shared),
            ),
            [
                *(
                    json.dumps(value) if isinstance(value, dict | list) else value
                    for value in shared.values()
                ),
                json.dumps(rows),
            ],
        )
        return sorted(id_ for (id_,) in self.env.cr.fetchall())

    def _bulk_type(self, name):
        return self._fields[name].column_type[1]

    @api.model
    def _bulk_text(self, value):
        """Return a value as JSON can hold it and PostgreSQL reads it."""
        if isinstance(value, datetime):
            return fields.Datetime.to_string(value)
        if isinstance(value, date):
            return fields.Date.to_string(value)
        return value

    def _bulk_modified(self, records, names):
        """Tell the ORM what is there now, so that nothing stale is read."""
        # no record has anything yet that refers to it, but what SQL alone writes
        unseen, count = self.pool["scenic.append.only"]._inherit_children, len(records)
        for field in self._fields.values():
            if not field.store or (field.compute and field.name not in names):
                continue
            if field.type not in ("one2many", "many2many"):
                field._insert_cache(records, [None] * count)
            elif field.comodel_name not in unseen:
                field._insert_cache(records, [()] * count)
        for name in names:
            field = self._fields[name]
            if field.type == "many2one":
                inverses = self.pool.field_inverses[field]
                for parent, mine in records.grouped(name).items() if inverses else ():
                    if parent:
                        self._bulk_join(parent, mine, inverses)
        for name, field in self._fields.items():
            if field.store and field.compute and name not in names:
                self.env.add_to_compute(field, records)
        own = [
            field for field in self._fields.values() if field.store and field.compute
        ]
        with self.env.protecting(own, records):
            records.modified(self._fields, create=True)

    def _bulk_join(self, parent, records, inverses):
        """Add new records to what is known of their parent's lists."""
        for inverse in inverses:
            known = inverse._get_cache(parent.env).get(parent.id)
            # also what is known without archived ones, for example; not by the ORM's
            # own word, which forgets the parent of the new records, too
            inverse._invalidate_cache(parent.env, parent.ids)
            if known is not None:
                mine = records.filtered_domain(inverse.get_comodel_domain(parent))
                inverse._insert_cache(
                    parent, [(mine.browse(known) + mine).sorted()._ids]
                )
