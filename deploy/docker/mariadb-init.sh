#!/bin/sh
# Run once by the MariaDB image, on an empty volume: FreeRADIUS' own login, which cannot change
# tables, and deletes nothing.
set -eu
password=$(cat /run/secrets/mariadb_freeradius_password)
mariadb --protocol=socket --user=root --password="$MARIADB_ROOT_PASSWORD" <<SQL
CREATE USER freeradius@'%' IDENTIFIED BY '$password';
GRANT SELECT, INSERT, UPDATE ON radius.* TO freeradius@'%';
SQL
