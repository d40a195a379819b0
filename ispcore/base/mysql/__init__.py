"""Django's MySQL backend, whose transactions cost no statements of their own but COMMIT."""
