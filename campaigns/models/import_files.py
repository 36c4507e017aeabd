"""Files that people are about to import: kept between the look at them and the import, for a day at most."""

from django.conf import settings
from django.db import models

KINDS = [(kind, kind.capitalize()) for kind in ("branches", "agents", "listings", "plans", "orders")]


class ImportFile(models.Model):
    """One uploaded file. Only its owner sees it; a newer one of the same kind takes its place."""

    kind = models.CharField(max_length=10, choices=KINDS, editable=False)
    name = models.CharField(max_length=100, editable=False)
    content = models.BinaryField(editable=False)
    sha256 = models.CharField("SHA-256 of the content", max_length=64, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False)
    uploaded_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(db_index=True, editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["owner", "kind"], name="one_import_file_per_kind")]

    def __str__(self) -> str:
        return self.name
