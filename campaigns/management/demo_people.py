"""Who works in the demo, and what each of them may do."""

from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission, User

PASSWORD = "demo"  # noqa: S105 - known to everybody, which is why the demo refuses to load beside real money


@dataclass(frozen=True)
class Person:
    """Somebody to log in as; `may` completes “may …”."""

    username: str
    name: str
    group: str
    may: str
    permissions: tuple[str, ...] = ()

    @property
    def is_administrator(self) -> bool:
        """Say whether the person needs no group to do anything."""
        return not self.group


PEOPLE = (
    Person("admin", "Nomsa Khumalo", "", "do everything: also the catalogue, users and the schedule"),
    Person(
        "olivia",
        "Olivia Fourie",
        "Order builders",
        "build, submit and cancel orders; pause, resume and cancel campaigns",
        ("add_order", "change_order", "submit_order", "command_campaign"),
    ),
    Person(
        "peter",
        "Peter Ndlovu",
        "Approvers",
        "approve or reject orders, settle orders in doubt",
        ("approve_order", "settle_order"),
    ),
    Person("zinhle", "Zinhle Dlamini", "Approvers", "do the same as peter: two people settle an order in doubt"),
    Person("vera", "Vera Abrahams", "Viewers", "look at everything, change nothing"),
)


def make_people() -> list[str]:
    """Make the users who are missing, with their groups, and return their names. Whoever is there stays as they are."""
    there = set(User.objects.values_list("username", flat=True))
    missing = [person for person in PEOPLE if person.username not in there]
    for person in missing:
        _make(person)
    return [person.username for person in missing]


def _make(person: Person) -> None:
    first, last = person.name.split()
    user = User.objects.create_user(
        person.username,
        f"{person.username}@agency.example",
        password=PASSWORD,
        first_name=first,
        last_name=last,
        is_staff=True,
        is_superuser=person.is_administrator,
    )
    if person.group:
        group, new = Group.objects.get_or_create(name=person.group)
        if new:
            ours = Permission.objects.filter(content_type__app_label="campaigns")
            group.permissions.set(
                ours.filter(codename__startswith="view_") | ours.filter(codename__in=person.permissions)
            )
        user.groups.add(group)
