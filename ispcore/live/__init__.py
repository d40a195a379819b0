"""What moves on open pages: events from the database, rendered once, sent to every socket."""
