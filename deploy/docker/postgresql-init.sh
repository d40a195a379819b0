#!/bin/sh
# Run once by the PostgreSQL image, on an empty volume: the portal's own role, which is no superuser.
set -eu
password=$(cat /run/secrets/postgresql_portal_password)
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set password="$password" <<'SQL'
CREATE ROLE ispcore LOGIN PASSWORD :'password';
CREATE DATABASE ispcore OWNER ispcore ENCODING 'UTF8' TEMPLATE template0;
SQL
