"""Heartbeats: when each part of the console last did its work."""

from django.db import models

from campaigns.domain.heartbeats import Part
from campaigns.models.choices import choices


class Heartbeat(models.Model):
    """When a part last gave a sign of life: beat, each worker by its node's name, the last publish, the last sync."""

    part = models.CharField(max_length=10, choices=choices(Part), editable=False)
    node = models.CharField(max_length=255, blank=True, editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("part", "node")
        constraints = [models.UniqueConstraint(fields=["part", "node"], name="one_heartbeat_per_part_and_node")]

    def __str__(self) -> str:
        return f"{self.part} {self.node}".strip()
