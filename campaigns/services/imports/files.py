"""Keep an uploaded file until its owner has looked at it: in the database, for a day, and for nobody else."""

import hashlib
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import IO

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.domain.texts import clean
from campaigns.models import ImportFile
from campaigns.services.catalogue.reading import Unreadable, read_content
from campaigns.services.imports.confirming import require_import

KEPT = timedelta(days=1)
LONGEST_NAME = 100


def keep(kind: str, file: IO[bytes], filename: str, *, user: User, now: datetime) -> ImportFile:
    """Keep a file in the place of the user's older one of this kind. What it holds is not judged yet.

    Raises NotAllowed, or ValidationError where the file is empty or too large.
    """
    require_import(kind, user)
    try:
        content = read_content(file)
    except Unreadable as unreadable:
        raise ValidationError({"file": unreadable.error.message}) from None
    remove_expired(now)
    kept, _ = ImportFile.objects.update_or_create(
        owner=user,
        kind=kind,
        defaults={
            "name": clean(PurePath(filename).name)[-LONGEST_NAME:] or "file",
            "content": content,
            "sha256": hashlib.sha256(content).hexdigest(),
            "uploaded_at": now,
            "expires_at": now + KEPT,
        },
    )
    return kept


def kept_file(kind: str, pk: int, *, user: User, now: datetime) -> ImportFile | None:
    """Return a file of the user's own, None where it is not kept (any more)."""
    return ImportFile.objects.filter(pk=pk, kind=kind, owner=user, expires_at__gt=now).first()


def remove_expired(now: datetime) -> int:
    """Remove the files that have been kept long enough; return how many."""
    removed, _ = ImportFile.objects.filter(expires_at__lte=now).delete()
    return removed
