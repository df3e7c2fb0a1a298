from odoo import api, fields, models, tools
from odoo.fields import Domain
from odoo.tools import SQL

RIGHTS = {"scenic_site_ids", "group_ids", "company_ids", "active"}


class ResUsers(models.Model):
    _inherit = "res.users"

    scenic_site_ids = fields.Many2many(
        "scenic.site",
        relation="res_users_scenic_site_rel",
        string="Scenic Sites",
        # a site that goes must not leave a user without any: none means all
        ondelete="restrict",
        groups="base.group_erp_manager,scenic_ticket_base.group_scenic_manager,"
        "scenic_ticket_base.group_scenic_auditor",
        help="The user sees and sells for these sites and their spots only. "
        "Keep empty for all sites of the companies of the user.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        users._log_rights({})
        return users

    def write(self, vals):
        if not RIGHTS & vals.keys():
            return super().write(vals)
        before = {user.id: user._rights_words() for user in self}
        res = super().write(vals)
        if "scenic_site_ids" in vals:
            # the limit of a user is cached, and record rules with it
            self.env.registry.clear_cache()
        self._log_rights(before)
        return res

    # ------------------------------------------------------------------
    # Audit
    # ------------------------------------------------------------------

    def _rights_words(self):
        """Return what the user may do with tickets, as a person reads it."""
        self.ensure_one()
        # sudo: the trail tells all, whoever makes the change
        user_sudo = self.sudo().with_context(active_test=False)
        groups_sudo = user_sudo.group_ids.filtered(lambda g: g._is_scenic_right())
        return {
            "active": user_sudo.active,
            "group_ids": sorted(groups_sudo.mapped("full_name")),
            "scenic_site_ids": user_sudo.scenic_site_ids.mapped("complete_name"),
            "company_ids": user_sudo.company_ids.mapped("name"),
        }

    def _log_rights(self, before):
        """Write down the change of rights of those who have rights on tickets."""
        old, new = {}, {}
        for user in self:
            after = user._rights_words()
            was = before.get(user.id) or dict.fromkeys(after)
            if not (was["group_ids"] or after["group_ids"]):
                continue
            changed = [name for name in after if was[name] != after[name]]
            if changed:
                old[user.id] = {name: was[name] for name in changed}
                new[user.id] = {name: after[name] for name in changed}
        self.env["scenic.audit"]._log(
            "rights_change",
            self.filtered(lambda user: user.id in new),
            before=old,
            after=new,
        )

    def _audit_name(self):
        return self.login

    # ------------------------------------------------------------------
    # Record rules
    # ------------------------------------------------------------------

    def _scenic_limits(self):
        """Return the sites that a user is limited to; empty for no limit.

        Archived sites count: else archiving the only site of a user would open all.
        """
        # sudo: the limit of a user is hidden from the user
        sites_sudo = self.env["scenic.site"].sudo().with_context(active_test=False)
        return sites_sudo.browse(self._scenic_limit_ids())

    @tools.ormcache("self.id")
    def _scenic_limit_ids(self):
        self.ensure_one()
        # sudo: as above
        user_sudo = self.sudo().with_context(active_test=False)
        return user_sudo.scenic_site_ids._ids

    def _scenic_sites(self):
        """Return the sites that a user is limited to, with the spots of each.

        :return: ``scenic.site`` records, or None if the user has no limit
        """
        limits_sudo = self._scenic_limits()
        if not limits_sudo:
            return None
        return limits_sudo.search([("id", "child_of", limits_sudo.ids)])

    def _scenic_site_rule(self, *paths, unplaced=False):
        """Return the domain of the records that the limit of a user lets through.

        Used in record rules. It costs nothing for a user without a limit. A path
        over other tables becomes an ``EXISTS`` that begins at the record, so that
        the database may follow it by its index for the few records of a page and
        need not collect all that the site ever sold.

        :param paths: from the record to a site, as ``"ticket_id.site_id"``; one of
            them leading to a site of the user is enough
        :param bool unplaced: also let through what has no site by the first path
        """
        sites = self._scenic_sites()
        if sites is None:
            return Domain.TRUE
        domains = []
        for path in paths:
            if "." in path:
                domains.append(_at_sites(path, sites.ids))
            else:
                domains.append(Domain(path, "in", sites.ids))
        if unplaced and "." in paths[0]:
            domains.append(~_at_sites(paths[0], None))
        elif unplaced:
            domains.append(Domain(paths[0], "=", False))
        return Domain.OR(domains)

    def _scenic_tree_rule(self):
        """Return the domain of the sites that a user sees.

        By path and not by id, so that a manager may add a spot to a site.
        """
        limits_sudo = self._scenic_limits()
        if not limits_sudo:
            return Domain.TRUE
        return Domain.OR(
            Domain("parent_path", "=like", f"{site_sudo.parent_path}%")
            for site_sudo in limits_sudo
        )


def _at_sites(path, site_ids):
    """Return the domain of the records from which a path leads to one of sites.

    :param site_ids: ids, or None for any site
    """
    *steps, last = path.split(".")

    def to_sql(model, alias, query):
        tables, conditions = [], []
        here, source = model, alias
        for number, name in enumerate(steps):
            field = here._fields[name]
            there = here.env[field.comodel_name]
            target = f"{alias}__site{number}"
            tables.append(
                SQL("%s %s", SQL.identifier(there._table), SQL.identifier(target))
            )
            if field.type == "many2one":
                left, right = (here, source, name), (there, target, "id")
            else:
                left, right = (here, source, "id"), (there, target, field.inverse_name)
            conditions.append(SQL("%s = %s", _column(*left), _column(*right)))
            here, source = there, target
        site = _column(here, source, last)
        if site_ids is None:
            conditions.append(SQL("%s IS NOT NULL", site))
        else:
            conditions.append(SQL("%s IN %s", site, tuple(site_ids)))
        return SQL(
            "EXISTS (SELECT 1 FROM %s WHERE %s)",
            SQL(", ").join(tables),
            SQL(" AND ").join(conditions),
        )

    def predicate(record):
        found = record.mapped(path).ids
        return bool(found if site_ids is None else set(found) & set(site_ids))

    return Domain.custom(to_sql=to_sql, predicate=predicate)


def _column(model, alias, name):
    return SQL("%s", SQL.identifier(alias, name, to_flush=model._fields[name]))
