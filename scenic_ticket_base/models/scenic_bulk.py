import json
from datetime import date, datetime

from odoo import api, fields, models
from odoo.tools import SQL


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
        ids = self._bulk_insert(converted)
        records = self.browse(ids)
        for name, (_column, cache) in converted.items():
            self._fields[name]._insert_cache(records, cache)
        self._bulk_modified(records, names)
        return records

    def _bulk_convert(self, name, vals_list, common):
        """Return the values of a field as for the column and as for the cache."""
        field, memo = self._fields[name], {}
        column, cache = [], []
        for values in vals_list:
            value = values.get(name, common.get(name))
            try:
                known = memo.get(value)
            except TypeError:  # not hashable: a Json
                known, key = None, None
            else:
                key = value
            if known is None:
                full = {**common, **values}
                raw = field.convert_to_column_insert(value, self, full)
                known = (
                    getattr(raw, "adapted", raw),
                    field.convert_to_cache(value, self, validate=False),
                )
                if key is not None:
                    memo[key] = known
            column.append(known[0])
            cache.append(known[1])
        return column, cache

    def _bulk_insert(self, converted):
        count = len(next(iter(converted.values()))[0])
        # ids come first: nothing promises the order in which INSERT returns them
        self.env.cr.execute(
            SQL(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) "
                "FROM generate_series(1, %s)",
                self._table,
                count,
            )
        )
        ids = [id_ for (id_,) in self.env.cr.fetchall()]
        converted = {"id": (ids, ids), **converted}
        columns = list(converted)
        types = SQL(", ").join(
            SQL("%s %s", SQL.identifier(name), SQL(self._fields[name].column_type[1]))
            for name in columns
        )
        names = SQL(", ").join(map(SQL.identifier, columns))
        rows = zip(*(column for column, _cache in converted.values()), strict=True)
        text = json.dumps(
            [
                {k: v for k, v in zip(columns, row, strict=True) if v is not None}
                for row in rows
            ],
            default=self._bulk_text,
        )
        self.env.cr.execute(
            SQL(
                "INSERT INTO %s (%s) SELECT %s FROM jsonb_to_recordset(%s::jsonb) "
                "AS row (%s)",
                SQL.identifier(self._table),
                names,
                names,
                text,
                types,
            )
        )
        return ids

    @api.model
    def _bulk_text(self, value):
        if isinstance(value, datetime):
            return fields.Datetime.to_string(value)
        if isinstance(value, date):
            return fields.Date.to_string(value)
        return str(value)

    def _bulk_modified(self, records, names):
        """Tell the ORM what is there now, so that nothing stale is read."""
        for name in names:
            field = self._fields[name]
            if field.type == "many2one":
                inverses = [inverse.name for inverse in self.pool.field_inverses[field]]
                if inverses:
                    records[name].invalidate_recordset(inverses, flush=False)
        for name, field in self._fields.items():
            if field.store and field.compute and name not in names:
                self.env.add_to_compute(field, records)
        own = [field for field in self._fields.values() if field.store]
        with self.env.protecting(own, records):
            records.modified(self._fields, create=True)
