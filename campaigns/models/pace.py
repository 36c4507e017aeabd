"""When Flow asked everybody to wait."""

from django.db import models


class Hold(models.Model):
    """Until when no process calls Flow, because Flow answered 429. One row, shared by all workers."""

    SINGLETON = 1

    until = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"until {self.until}"
