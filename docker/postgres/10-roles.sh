#!/bin/bash
# Runs once, when the cluster is made. Odoo's own role is no superuser: it can make its database,
# and nothing else; the append-only tables stay append-only for it.
set -euo pipefail
: "${SCENIC_DB_PASSWORD:?}"
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
\getenv password SCENIC_DB_PASSWORD
CREATE ROLE odoo LOGIN CREATEDB NOSUPERUSER NOCREATEROLE PASSWORD :'password';
SQL
