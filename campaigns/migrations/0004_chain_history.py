"""Chain the history that is there: each line gets the hash of the one before, and the head that of the last.

The guard that refuses to change history is taken away for it; it is put back after each `migrate`.
"""

import hashlib
import json
from datetime import UTC
from typing import Any

from django.db import migrations

BATCH = 1000


def chain(apps: Any, schema_editor: Any) -> None:
    Event = apps.get_model("campaigns", "Event")
    HistoryHead = apps.get_model("campaigns", "HistoryHead")
    on_events = " ON campaigns_event" if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP TRIGGER IF EXISTS guard_event_update{on_events}")
    sha256, last = "", None
    batch: list[Any] = []
    for event in Event.objects.order_by("pk").iterator(chunk_size=BATCH):
        event.previous_sha256 = sha256
        sha256, last = _sha256_of(event), event
        batch.append(event)
        if len(batch) == BATCH:
            Event.objects.bulk_update(batch, ["previous_sha256"])
            batch = []
    Event.objects.bulk_update(batch, ["previous_sha256"])
    HistoryHead.objects.create(pk=1, event=last, sha256=sha256)


def _sha256_of(event: Any) -> str:
    said = [
        event.previous_sha256,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.kind,
        event.text,
        event.data,
        event.actor_kind,
        event.actor_id,
        event.order_id,
        event.campaign_id,
        event.subject,
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_heartbeats_reminders_and_chained_history")]
    operations = [migrations.RunPython(chain, migrations.RunPython.noop)]
