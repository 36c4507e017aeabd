"""The schedule of the background work (django-celery-beat), in this site's look."""

from typing import Any

from django.contrib import admin
from django_celery_beat import admin as stock
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.admin.base import ModelAdmin

SCHEDULES = [ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule]

admin.site.unregister([PeriodicTask, *SCHEDULES])


class TaskSelect(UnfoldAdminSelectWidget, stock.TaskSelectWidget):
    """The names of all tasks, to choose from."""


class PeriodicTaskForm(stock.PeriodicTaskForm):
    """The form of a periodic task, with this site's fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(stock.PeriodicTaskAdmin, ModelAdmin[PeriodicTask]):
    """What runs, and how often."""

    form = PeriodicTaskForm


@admin.register(CrontabSchedule)
class CrontabAdmin(stock.CrontabScheduleAdmin, ModelAdmin[CrontabSchedule]):
    """Times of the day, week and month."""


@admin.register(ClockedSchedule)
class ClockedAdmin(stock.ClockedScheduleAdmin, ModelAdmin[ClockedSchedule]):
    """Single moments."""


@admin.register(IntervalSchedule, SolarSchedule)
class IntervalAdmin(stock.ScheduleAdmin, ModelAdmin[Any]):
    """Intervals, and times of the sun."""
