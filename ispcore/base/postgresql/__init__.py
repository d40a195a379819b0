"""Django's PostgreSQL backend, which tells the server for whom each statement is made."""
