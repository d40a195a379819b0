#!/bin/sh
# Run once by the PostgreSQL image, on an empty volume: the portal's own login, which is no
# superuser, and the roles that it takes.
set -eu
password=$(cat /run/secrets/postgresql_portal_password)
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set password="$password" <<'SQL'
CREATE ROLE ispcore LOGIN PASSWORD :'password';
CREATE DATABASE ispcore OWNER ispcore ENCODING 'UTF8' TEMPLATE template0;
SET ispcore.login = 'ispcore';
\i /usr/local/share/ispcore/roles.sql
SQL
