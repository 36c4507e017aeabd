"""The groups that people get their permissions from. They are made once and belong to the administrators from then on."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWS = [
    *("view_branch", "view_agent", "view_listing", "view_plan"),
    *("view_order", "view_campaign", "view_attempt", "view_command", "view_event"),
]
BUILDS = ["add_order", "change_order", "comment_order"]
PUBLISHES = ["submit_order", "command_campaign", "export_lists"]
APPROVES = ["approve_order", "settle_order", "comment_order", "export_lists"]
# Not change_branch: whoever could change a branch's threshold could do without the second person.
KEEPS_A_BRANCH = ["add_agent", "change_agent", "delete_agent", "add_listing", "change_listing", "delete_listing"]

ROLES = {
    "Viewer": VIEWS,
    "Order builder": [*VIEWS, *BUILDS],
    "Publisher": [*VIEWS, *BUILDS, *PUBLISHES],
    "Approver": [*VIEWS, *APPROVES],
    "Branch manager": [*VIEWS, *BUILDS, *PUBLISHES, *APPROVES, *KEEPS_A_BRANCH],
}
# Everything of these: users and groups included, so that nobody needs to be a superuser to run the console.
ADMINISTRATOR, APPS = "Administrator", ["campaigns", "auth", "django_celery_beat"]


def make_roles(apps: Any, schema_editor: Any) -> None:
    """Make the groups; a group that is there by that name is left as it is."""
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    wanted = {name: {"content_type__app_label": "campaigns", "codename__in": names} for name, names in ROLES.items()}
    wanted[ADMINISTRATOR] = {"content_type__app_label__in": APPS}
    for name, filters in wanted.items():
        group, new = Group.objects.get_or_create(name=name)
        if new:
            group.permissions.set(Permission.objects.filter(**filters))


def make_permissions(apps: Any, schema_editor: Any) -> None:
    """Make the permissions now: on a fresh database Django makes them after the last migration only."""
    for label in APPS:
        app = apps.get_app_config(label)
        app.models_module = True  # the stub of an app's config in a migration has none, and is passed over without
        create_permissions(app, apps=apps, verbosity=0)
        app.models_module = None


def let_staff_go_on(apps: Any, schema_editor: Any) -> None:
    """Let those who worked for every branch until now, when there was no other way, go on so."""
    Permission = apps.get_model("auth", "Permission")
    everywhere = Permission.objects.get(content_type__app_label="campaigns", codename="every_branch")
    for user in apps.get_model("auth", "User").objects.filter(is_staff=True, is_superuser=False):
        user.user_permissions.add(everywhere)


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0006_branch_staff"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [
        migrations.RunPython(make_permissions, migrations.RunPython.noop),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
        migrations.RunPython(let_staff_go_on, migrations.RunPython.noop),
    ]
