"""Row-level security on PostgreSQL: the wall between tenants that stands behind `scope.visible`.

`identity` says for whom statements are made, `ispcore.base.postgresql` tells the database before
each of them, `owners` says which table's rows are whose, `policies` writes that down in the
database, `roles` are those that the policies bind. Elsewhere than on PostgreSQL nothing is told
and nothing is made: see `roles.apply_here`.
"""
