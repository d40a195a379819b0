"""What an operation refused, in words for the person who asked."""

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import IntegrityError, models
from django.db.models import ProtectedError, RestrictedError
from django.utils.text import capfirst

UNCHANGED = "Nothing was changed."


class Undecided(Exception):
    """Whether a change stands is not known yet; the text says when it will be."""


def words_of(error: Exception, model: type[models.Model] | None = None) -> str:
    """What an operation refused, as one sentence or more, ending in what was changed: nothing, or
    we cannot know yet."""
    if isinstance(error, Undecided):
        return f"{str(error).rstrip('.')}."
    if isinstance(error, ValidationError):
        said = " ".join(_sentences(error, model))
    elif isinstance(error, ProtectedError | RestrictedError):
        said = _in_use(error)
    elif isinstance(error, IntegrityError):
        said = _constraint_words(error, model)
    else:
        said = str(error)
    said = said.strip() or "The change was refused"
    if "nothing was changed" in said.lower():
        return said if said.endswith(".") else f"{said}."
    return f"{said.rstrip('.')}. {UNCHANGED}"


def _sentences(error: ValidationError, model: type[models.Model] | None) -> list[str]:
    """One sentence per fault, with the label of the field before it."""
    if not hasattr(error, "error_dict"):
        return list(error.messages)
    return [
        f"{label}: {text}" if (label := _label(model, field)) else text
        for field, texts in error.message_dict.items()
        for text in texts
    ]


def _label(model: type[models.Model] | None, field: str) -> str:
    if field == "__all__" or model is None:
        return "" if field == "__all__" else field
    try:
        return capfirst(str(getattr(model._meta.get_field(field), "verbose_name", field)))
    except FieldDoesNotExist:
        return field


def _in_use(error: ProtectedError | RestrictedError) -> str:
    held_by = sorted(error.args[1], key=str)
    first, kind = held_by[0], held_by[0]._meta
    more = f" and {len(held_by) - 1} more" if len(held_by) > 1 else ""
    return f"It is still used by {kind.verbose_name} {first}{more}."


def _constraint_words(error: IntegrityError, model: type[models.Model] | None) -> str:
    """The words of the constraint that was violated: by its name, or on SQLite by its columns."""
    text = str(error)
    constraints = model._meta.constraints if model else []
    for constraint in constraints:
        if constraint.name in text or _columns_in(constraint, model, text):
            return str(constraint.violation_error_message or constraint.name)
    for field in model._meta.fields if model else []:
        if field.unique and f"{field.model._meta.db_table}.{field.column}" in text:
            return capfirst(f"{field.verbose_name} exists already.")
    return "The database refused the change: it would break one of its rules."


def _columns_in(
    constraint: models.BaseConstraint, model: type[models.Model] | None, text: str
) -> bool:
    if not isinstance(constraint, models.UniqueConstraint) or not constraint.fields or not model:
        return False
    columns = [model._meta.get_field(name).column for name in constraint.fields]  # type: ignore[union-attr]
    wanted = ", ".join(f"{model._meta.db_table}.{column}" for column in columns)
    return f"UNIQUE constraint failed: {wanted}" == text
