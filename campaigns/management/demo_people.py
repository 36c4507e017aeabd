"""Who works in the demo, what each of them may do, and for which branches."""

from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission, User

from campaigns.models import Branch

PASSWORD = "demo"  # noqa: S105 - known to everybody, which is why the demo refuses to load beside real money


@dataclass(frozen=True)
class Person:
    """Somebody to log in as; `may` completes “may …”."""

    username: str
    name: str
    role: str
    may: str
    branches: tuple[str, ...] = ()
    """By name; nobody named works for every branch."""

    @property
    def is_administrator(self) -> bool:
        """Say whether the person needs no group to do anything."""
        return not self.role


PEOPLE = (
    Person("admin", "Nomsa Khumalo", "", "do everything: also the catalogue, users and the schedule"),
    Person(
        "olivia",
        "Olivia Fourie",
        "Publisher",
        "build, submit and cancel orders; pause, resume and cancel campaigns",
    ),
    Person(
        "peter",
        "Peter Ndlovu",
        "Approver",
        "approve or reject orders, settle orders in doubt",
    ),
    Person("zinhle", "Zinhle Dlamini", "Approver", "do the same as peter: two people settle an order in doubt"),
    Person(
        "sanele",
        "Sanele Mokoena",
        "Branch manager",
        "build, approve and follow orders and keep the listings, of Sandton and Menlyn alone",
        ("Sandton", "Menlyn"),
    ),
    Person("vera", "Vera Abrahams", "Viewer", "look at everything, change nothing"),
)


def make_people() -> list[str]:
    """Make the users who are missing, with role and branches, and return their names. Whoever is there stays as they are."""
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
    if person.is_administrator:
        return
    user.groups.add(Group.objects.get(name=person.role))
    for branch in Branch.objects.filter(name__in=person.branches):
        branch.staff.add(user)
    if not person.branches:
        user.user_permissions.add(Permission.objects.get(codename="every_branch"))
