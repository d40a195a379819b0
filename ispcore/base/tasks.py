"""Jobs of the platform itself."""

from ispcore.base import leases


def tidy() -> str:
    """Forget leases of jobs that nobody will ask about any more."""
    return f"{leases.forget()} leases forgotten"
