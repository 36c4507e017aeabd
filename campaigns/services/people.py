"""Who works for which branches: the one door that writes it."""

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from campaigns.models import Branch
from campaigns.services.errors import NotAllowed
from campaigns.services.history import record, require_branch


def set_branches(person: User, branches: Collection[Branch], *, user: User, now: datetime) -> None:
    """Let the person work for these branches alone. Raises NotAllowed; unchanged, it writes nothing.

    Nobody gives away a branch that they don't work for themselves, nor takes it from somebody, and only superusers do so
    with superusers.
    """
    if not user.has_perm("auth.change_user") or (person.is_superuser and not user.is_superuser):
        raise NotAllowed(
            f"{user.get_username()} may not change the branches of {person.get_username()}. Ask an administrator."
        )
    with transaction.atomic():
        before = set(Branch.objects.select_for_update(no_key=True).filter(staff=person))
        for branch in sorted(before ^ set(branches), key=lambda branch: branch.pk):
            require_branch(user, branch)
        _write(person, before, set(branches), user, now)


def _write(person: User, before: set[Branch], after: set[Branch], user: User, now: datetime) -> None:
    if before == after:
        return
    for branch in after - before:
        branch.staff.add(person)
    for branch in before - after:
        branch.staff.remove(person)
    old, new = (sorted(branch.external_id for branch in branches) for branches in (before, after))
    text = f"{user.get_username()} let {person.get_username()} work for {', '.join(new) or 'no branch'}."
    subject = f"user:{person.get_username()}"[:150]
    record("user.branches", text, now=now, by=user, subject=subject, data={"branches": [old, new]})
