"""The wire of the gate API, without Odoo: parameter checks and answer texts."""
