"""The only code that opens sockets to routers and devices. It knows nothing of Django."""
