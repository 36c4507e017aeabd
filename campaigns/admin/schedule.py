"""The schedule of the background work (django-celery-beat), in this site's look."""

from typing import Any

from django import forms
from django.contrib import admin
from django_celery_beat import admin as stock
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.admin.base import ModelAdmin

SCHEDULES = [ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule]

admin.site.unregister([PeriodicTask, *SCHEDULES])


class TaskSelect(UnfoldAdminSelectWidget, stock.TaskSelectWidget):  # type: ignore[misc]  # the library has no types
    """The names of all tasks, to choose from."""

    _modules = None  # the admin imports the tasks; Celery's own import of them would run a worker's start-up checks


class PeriodicTaskForm(stock.PeriodicTaskForm):  # type: ignore[misc]  # the library has no types
    """The form of a periodic task, with this site's fields."""

    regtask = stock.TaskChoiceField(label="Task (registered)", required=False, widget=TaskSelect)
    task = forms.CharField(label="Task (custom)", required=False, max_length=200, widget=UnfoldAdminTextInputWidget)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(stock.PeriodicTaskAdmin, ModelAdmin[PeriodicTask]):  # type: ignore[misc]  # the library has no types
    """What runs, and how often."""

    list_title = "Schedule"
    appears = "The work that the console does by itself appears here, with how often it runs."

    form = PeriodicTaskForm
    actions = None


@admin.register(CrontabSchedule)
class CrontabAdmin(stock.CrontabScheduleAdmin, ModelAdmin[CrontabSchedule]):  # type: ignore[misc]  # the library has no types
    """Times of the day, week and month."""

    appears = "Times of the day, week and month appear here, for tasks of the schedule to run at."


@admin.register(ClockedSchedule)
class ClockedAdmin(stock.ClockedScheduleAdmin, ModelAdmin[ClockedSchedule]):  # type: ignore[misc]  # the library has no types
    """Single moments."""

    appears = "Single moments appear here, for tasks of the schedule to run at."


@admin.register(IntervalSchedule, SolarSchedule)
class IntervalAdmin(stock.ScheduleAdmin, ModelAdmin[Any]):  # type: ignore[misc]  # the library has no types
    """Intervals, and times of the sun."""

    appears = "How often a task may run appears here, for tasks of the schedule to choose from."
