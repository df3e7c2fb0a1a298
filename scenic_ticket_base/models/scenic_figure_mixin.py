from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL

OPERATORS = {"<": "<", ">": ">", "<=": "<=", ">=": ">="}


class ScenicFigureMixin(models.AbstractModel):
    """Computed fields that are each one SQL expression over other rows.

    A gate changes those rows without the ORM, so nothing is stored. What a form
    shows, a pivot adds up and a domain finds comes from the same expression, so a
    figure is always the sum of the rows behind it.
    """

    _name = "scenic.figure.mixin"
    _description = "Figures by SQL"

    # Names of the fields. They are computed by ``_compute_figures``; one that is to
    # be searched names ``_search_<field>``, which calls ``_search_figure``.
    _figures = ()

    def _figure_sql(self, alias, name):
        """Return the expression of a figure in a row of this table.

        :param str alias: of the table in the query
        """
        raise NotImplementedError

    def _compute_figures(self):
        rows = {}
        if self.ids:
            columns = [self._figure_sql(self._table, name) for name in self._figures]
            rows = {
                id_: dict(zip(self._figures, values, strict=True))
                for id_, *values in self.env.execute_query(
                    SQL(
                        "SELECT id, %s FROM %s WHERE id IN %s",
                        SQL(", ").join(columns),
                        SQL.identifier(self._table),
                        tuple(self.ids),
                    )
                )
            }
        for record in self:
            row = rows.get(record._origin.id, {})
            for name in self._figures:
                record[name] = row.get(name, False)

    def _field_to_sql(self, alias, field_expr, query=None):
        if field_expr in self._figures:
            self._check_field_access(self._fields[field_expr], "read")
            return self._figure_sql(alias, field_expr)
        return super()._field_to_sql(alias, field_expr, query)

    def _search_figure(self, name, operator, value):
        if operator in ("in", "not in"):
            values = tuple(v for v in value if v is not False and v is not None)
            empty = len(values) != len(tuple(value))

            def to_sql(model, alias, query):
                figure = model._figure_sql(alias, name)
                found = SQL("FALSE")
                if values:
                    found = SQL("COALESCE(%s IN %s, FALSE)", figure, values)
                if empty:
                    found = SQL("(%s OR %s IS NULL)", found, figure)
                return SQL("NOT %s", found) if operator == "not in" else found

        elif operator in OPERATORS:

            def to_sql(model, alias, query):
                figure = model._figure_sql(alias, name)
                return SQL("%s %s %s", figure, SQL(OPERATORS[operator]), value)

        else:
            return NotImplemented
        return Domain.custom(to_sql=to_sql)
