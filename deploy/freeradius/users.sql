-- Who logs in by an existing FreeRADIUS database, as the file of manage.py import_subscribers:
-- mariadb -rNB radius < deploy/freeradius/users.sql
--
-- A user's package is the first group, or @package, where that is set. Who is refused (Auth-Type :=
-- Reject, of the user or a group) and who has no clear-text password is left out: an import would
-- let the one in, and cannot know the password of the other.
SET NAMES utf8mb4;
SET time_zone = '+00:00';

SELECT 'username,package,password,expires,device_limit,mac,ipv4,ipv6_prefix,delegated_prefix';

WITH users AS (
  SELECT id, username, value AS password,
    -- the collation that is said goes before those of the columns, which may be any
    IFNULL(CONVERT(@package USING utf8mb4) COLLATE utf8mb4_bin,
      (SELECT groupname FROM radusergroup WHERE username = of.username
        ORDER BY priority, id LIMIT 1)) AS package,
    (SELECT MAX(value) FROM radcheck WHERE username = of.username
      AND attribute = 'Expiration') AS expires,
    (SELECT MAX(value) FROM radcheck WHERE username = of.username
      AND attribute = 'Simultaneous-Use') AS device_limit,
    (SELECT MAX(value) FROM radcheck WHERE username = of.username
      AND attribute = 'Calling-Station-Id') AS mac,
    -- the router chooses, from its pool
    (SELECT NULLIF(MAX(value), '255.255.255.254') FROM radreply WHERE username = of.username
      AND attribute = 'Framed-IP-Address') AS ipv4,
    (SELECT MAX(value) FROM radreply WHERE username = of.username
      AND attribute = 'Framed-IPv6-Prefix') AS ipv6_prefix,
    (SELECT MAX(value) FROM radreply WHERE username = of.username
      AND attribute = 'Delegated-IPv6-Prefix') AS delegated_prefix
  FROM radcheck AS of
  WHERE attribute = 'Cleartext-Password'
    AND NOT EXISTS (SELECT 1 FROM radcheck WHERE username = of.username
      AND attribute = 'Auth-Type' AND value = 'Reject')
    AND NOT EXISTS (SELECT 1 FROM radusergroup JOIN radgroupcheck USING (groupname)
      WHERE username = of.username AND attribute = 'Auth-Type' AND value = 'Reject')
),
-- FreeRADIUS takes seconds since 1970, "31 Dec 2026" and "Dec 31 2026 18:00:00"; a day without a time
-- is its beginning
dated AS (
  SELECT users.*, COALESCE(
    IF(expires RLIKE '^[0-9]+$', DATE_FORMAT(FROM_UNIXTIME(expires), '%Y-%m-%d %T+00:00'), NULL),
    DATE_FORMAT(STR_TO_DATE(expires, '%d %b %Y %T'), '%Y-%m-%d %T'),
    DATE_FORMAT(STR_TO_DATE(expires, '%b %d %Y %T'), '%Y-%m-%d %T'),
    expires
  ) AS ends FROM users
)
-- every cell in quotes; the unit separator stands between them until those within are doubled
SELECT CONCAT('"', REPLACE(REPLACE(CONCAT_WS(_utf8mb4 x'1f',
  username, IFNULL(package, ''), password, IFNULL(ends, ''), IFNULL(device_limit, ''),
  IFNULL(mac, ''), IFNULL(ipv4, ''), IFNULL(ipv6_prefix, ''), IFNULL(delegated_prefix, '')
), '"', '""'), _utf8mb4 x'1f', '","'), '"')
FROM dated ORDER BY id;
