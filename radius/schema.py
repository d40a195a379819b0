"""The stock form of FreeRADIUS' tables on MariaDB and MySQL, and what an existing database lacks.

Columns, sizes and keys are those of FreeRADIUS 3.2 (mods-config/sql/main/mysql/schema.sql), as
statements that leave an existing table as it is.
"""

from collections.abc import Iterator
from typing import Any

_ATTRIBUTE = """
CREATE TABLE IF NOT EXISTS {table} (
  id int(11) unsigned NOT NULL auto_increment,
  {key} varchar(64) NOT NULL default '',
  attribute varchar(64) NOT NULL default '',
  op char(2) NOT NULL DEFAULT '{op}',
  value varchar(253) NOT NULL default '',
  PRIMARY KEY (id),
  KEY {key} ({key}(32))
) ENGINE = INNODB
"""
# nas came first (migration 0001_nas)
TABLES = {
    "radacct": """
CREATE TABLE IF NOT EXISTS radacct (
  radacctid bigint(21) NOT NULL auto_increment,
  acctsessionid varchar(64) NOT NULL default '',
  acctuniqueid varchar(32) NOT NULL default '',
  username varchar(64) NOT NULL default '',
  realm varchar(64) default '',
  nasipaddress varchar(15) NOT NULL default '',
  nasportid varchar(32) default NULL,
  nasporttype varchar(32) default NULL,
  acctstarttime datetime NULL default NULL,
  acctupdatetime datetime NULL default NULL,
  acctstoptime datetime NULL default NULL,
  acctinterval int(12) default NULL,
  acctsessiontime int(12) unsigned default NULL,
  acctauthentic varchar(32) default NULL,
  connectinfo_start varchar(128) default NULL,
  connectinfo_stop varchar(128) default NULL,
  acctinputoctets bigint(20) default NULL,
  acctoutputoctets bigint(20) default NULL,
  calledstationid varchar(50) NOT NULL default '',
  callingstationid varchar(50) NOT NULL default '',
  acctterminatecause varchar(32) NOT NULL default '',
  servicetype varchar(32) default NULL,
  framedprotocol varchar(32) default NULL,
  framedipaddress varchar(15) NOT NULL default '',
  framedipv6address varchar(45) NOT NULL default '',
  framedipv6prefix varchar(45) NOT NULL default '',
  framedinterfaceid varchar(44) NOT NULL default '',
  delegatedipv6prefix varchar(45) NOT NULL default '',
  class varchar(64) default NULL,
  PRIMARY KEY (radacctid),
  UNIQUE KEY acctuniqueid (acctuniqueid),
  KEY username (username),
  KEY framedipaddress (framedipaddress),
  KEY framedipv6address (framedipv6address),
  KEY framedipv6prefix (framedipv6prefix),
  KEY framedinterfaceid (framedinterfaceid),
  KEY delegatedipv6prefix (delegatedipv6prefix),
  KEY acctsessionid (acctsessionid),
  KEY acctsessiontime (acctsessiontime),
  KEY acctstarttime (acctstarttime),
  KEY acctinterval (acctinterval),
  KEY acctstoptime (acctstoptime),
  KEY nasipaddress (nasipaddress),
  KEY class (class)
) ENGINE = INNODB
""",
    "radcheck": _ATTRIBUTE.format(table="radcheck", key="username", op="=="),
    "radreply": _ATTRIBUTE.format(table="radreply", key="username", op="="),
    "radgroupcheck": _ATTRIBUTE.format(table="radgroupcheck", key="groupname", op="=="),
    "radgroupreply": _ATTRIBUTE.format(table="radgroupreply", key="groupname", op="="),
    "radusergroup": """
CREATE TABLE IF NOT EXISTS radusergroup (
  id int(11) unsigned NOT NULL auto_increment,
  username varchar(64) NOT NULL default '',
  groupname varchar(64) NOT NULL default '',
  priority int(11) NOT NULL default '1',
  PRIMARY KEY (id),
  KEY username (username(32))
) ENGINE = INNODB
""",
    "radpostauth": """
CREATE TABLE IF NOT EXISTS radpostauth (
  id int(11) NOT NULL auto_increment,
  username varchar(64) NOT NULL default '',
  pass varchar(64) NOT NULL default '',
  reply varchar(32) NOT NULL default '',
  authdate timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  class varchar(64) default NULL,
  PRIMARY KEY (id),
  KEY username (username),
  KEY class (class)
) ENGINE = INNODB
""",
    "nasreload": """
CREATE TABLE IF NOT EXISTS nasreload (
  nasipaddress varchar(15) NOT NULL,
  reloadtime datetime NOT NULL,
  PRIMARY KEY (nasipaddress)
) ENGINE = INNODB
""",
}
STOCK = frozenset({"nas", *TABLES})


def lacking(connection: Any) -> Iterator[tuple[str, str]]:
    """(table, column) that this portal and its FreeRADIUS write, and an adopted table has not."""
    from django.apps import apps

    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for model in apps.get_app_config("radius").get_models():
            table = model._meta.db_table
            if table not in STOCK & there:
                continue
            columns = {
                each.name.lower()
                for each in connection.introspection.get_table_description(cursor, table)
            }
            for field in model._meta.concrete_fields:
                if str(field.column) not in columns:
                    yield table, str(field.column)
