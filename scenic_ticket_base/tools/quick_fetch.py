"""Records by a condition of SQL, where one request asks for few of them many times."""

from odoo.tools import SQL


def quick_fetch(model, names, condition):
    """Return the records that a condition is true for, with these fields in cache.

    As ``search_fetch``, whose domain and order take hundreds of steps before the
    database is asked. No record rule is applied and nothing is left out: for
    superusers, who say ``active`` themselves.

    :param model: the model, as superuser
    :param names: stored fields, neither translated nor of one company
    :param SQL condition: on the columns of its table; may end with ``ORDER BY``
    """
    model.flush_model()
    query = SQL(
        "SELECT %s FROM %s WHERE %s",
        SQL(", ").join(SQL.identifier(name) for name in ("id", *names)),
        SQL.identifier(model._table),
        condition,
    )
    rows = model.env.execute_query(query)
    records = model.browse(row[0] for row in rows)
    for position, name in enumerate(names, 1):
        values = [row[position] for row in rows]
        model._fields[name]._insert_cache(records, values)
    return records
