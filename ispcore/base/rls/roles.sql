-- The PostgreSQL roles of the portal, and the login that may take them (in ispcore.login).
-- For a superuser: BYPASSRLS is his to give. Changes nothing that is there already.
DO $$
DECLARE
  login CONSTANT text := current_setting('ispcore.login');
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ispcore roles'));
  -- owns all tables: migrations, partitions
  IF to_regrole('ispcore_owner') IS NULL THEN CREATE ROLE ispcore_owner; END IF;
  -- pages and API: bound by policies
  IF to_regrole('ispcore_app') IS NULL THEN CREATE ROLE ispcore_app; END IF;
  -- jobs, collectors, commands, backups: work for all tenants
  IF to_regrole('ispcore_worker') IS NULL THEN CREATE ROLE ispcore_worker BYPASSRLS; END IF;
  IF NOT pg_has_role('ispcore_worker', 'ispcore_owner', 'MEMBER') THEN
    GRANT ispcore_owner TO ispcore_worker;
  END IF;
  IF NOT pg_has_role('ispcore_worker', 'pg_read_all_data', 'MEMBER') THEN
    GRANT pg_read_all_data TO ispcore_worker;
  END IF;
  IF login NOT IN ('ispcore_owner', 'ispcore_app', 'ispcore_worker')
     AND EXISTS (SELECT FROM pg_roles WHERE rolname = login AND NOT rolsuper) THEN
    EXECUTE format('GRANT ispcore_owner, ispcore_app, ispcore_worker TO %I', login);
  END IF;
END $$;
