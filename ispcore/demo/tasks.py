"""What runs in the background of a demo."""

from ispcore.demo import subscribers


def report() -> str:
    return f"{subscribers.report()} sessions reported on"
