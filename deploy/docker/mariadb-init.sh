#!/bin/sh
# Run once by the MariaDB image, on an empty volume: FreeRADIUS' own login.
set -eu
password=$(cat /run/secrets/mariadb_freeradius_password)
mariadb --protocol=socket --user=root --password="$MARIADB_ROOT_PASSWORD" <<SQL
CREATE USER freeradius@'%' IDENTIFIED BY '$password';
$(sh /usr/local/share/ispcore/grants '%')
SQL
