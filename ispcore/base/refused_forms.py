"""What was refused, said in the form that asked for it: beside the field it is about, or above."""

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.forms import BaseForm

from ispcore.base.faults import UNCHANGED, words_of


def add_refusal(form: BaseForm, error: Exception, model: type[models.Model] | None = None) -> None:
    """Each fault beside the field that it is about; what the form has no field for above the form,
    with the label that it has in `model`. That nothing was changed is for the page to say.

    A form whose field has another name than the column says so by `asked_as` (column: field).
    """
    if not isinstance(error, ValidationError) or not hasattr(error, "error_dict"):
        form.add_error(None, _words(error, model))
        return
    asked_as: dict[str, str] = getattr(form, "asked_as", {})
    for name, faults in error.error_dict.items():
        field = asked_as.get(name, name)
        if field in form.fields or field == NON_FIELD_ERRORS:
            form.add_error(field, faults)
        else:
            form.add_error(None, _words(ValidationError({name: faults}), model))


def _words(error: Exception, model: type[models.Model] | None) -> str:
    return words_of(error, model).removesuffix(UNCHANGED).strip()
