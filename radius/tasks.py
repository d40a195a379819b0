"""Jobs of the provision cluster: each calls one operation, and may be started twice without harm."""

from ispcore.base.unit_of_work import RadiusAway
from radius.operations import answers


def tidy_answers() -> str:
    """Forget old answers to logins, and most of those to who guesses."""
    try:
        return f"{answers.forget()} answers to logins forgotten"
    except RadiusAway:
        return "none forgotten: RADIUS is away"
