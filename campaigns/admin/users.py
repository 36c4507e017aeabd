"""Users and groups, in this site's look."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from campaigns import selectors
from campaigns.admin.base import ModelAdmin, person
from campaigns.admin.fields import RowsField, ShowingMixin
from campaigns.models import Branch
from campaigns.services import people
from campaigns.services.errors import NotAllowed

admin.site.unregister([User, Group])

# What would let an administrator become a superuser, or somebody with permissions that no role has.
FOR_SUPERUSERS = ("is_superuser", "user_permissions")
# Whoever works for some branches would give themselves a role that works for all.
FOR_EVERY_BRANCH = ("groups",)


class BranchesSelect(ShowingMixin, AutocompleteSelectMultiple):
    """Several branches, chosen by typing."""


class UserForm(UserChangeForm):  # type: ignore[misc]  # Unfold has no types
    """A user, with the branches that they work for."""

    branches = RowsField(
        Branch.objects.all(),
        required=False,
        widget=BranchesSelect(Branch.staff.field, admin.site),
        help_text="They see these branches' rows, as far as their groups let them. "
        "With the permission “every branch” nothing is needed here.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["branches"] = Branch.objects.filter(staff=self.instance)


@admin.register(User)
class UserAdmin(StockUserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]  # Django's can't be subscripted
    """People who work here, what each may do, and for which branches."""

    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    # Without staff status nobody gets in: it is asked for, and on, where a user is added.
    add_fieldsets = ((None, {"fields": ("username", "is_staff", "usable_password", "password1", "password2")}),)
    appears = "Everybody who may log in appears here."
    list_display = ("username", "first_name", "last_name", "roles", "is_staff", "is_active")
    list_filter = ("is_staff", "is_active", "groups")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return all users with their groups."""
        return super().get_queryset(request).prefetch_related("groups")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return Django's groups of fields, with the branches behind the name."""
        groups = list(super().get_fieldsets(request, obj))
        return [*groups[:2], ("Branches", {"fields": ("branches",)}), *groups[2:]] if obj else groups

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the form of a new user begins with."""
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return what only superusers change, and what only those who work for every branch do."""
        fields = super().get_readonly_fields(request, obj)
        of_all = () if selectors.works_everywhere(person(request)) else FOR_EVERY_BRANCH
        return fields if person(request).is_superuser else [*fields, *FOR_SUPERUSERS, *of_all]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let nobody change whoever may do more than they: that one's password would be enough to become them."""
        return super().has_change_permission(request, obj) and self._may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let nobody delete whoever may do more than they."""
        return super().has_delete_permission(request, obj) and self._may_touch(request, obj)

    def _may_touch(self, request: HttpRequest, obj: User | None) -> bool:
        """Say whether the other may do no more than they, and nowhere else; one who is switched off could be switched on."""
        asks = person(request)
        if obj is None or asks.is_superuser:
            return True
        if obj.is_superuser or selectors.works_everywhere(asks):
            return not obj.is_superuser
        given = Permission.objects.filter(Q(user=obj) | Q(group__user=obj)).values_list(
            "content_type__app_label", "codename"
        )
        elsewhere = Branch.objects.filter(staff=obj).exclude(pk__in=selectors.branches_for(asks).values("pk"))
        return {f"{app}.{code}" for app, code in given} <= asks.get_all_permissions() and not elsewhere.exists()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the groups, and the branches through the service."""
        super().save_related(request, form, formsets, change)
        if "branches" not in form.cleaned_data:
            return
        chosen = form.cleaned_data["branches"]
        try:
            people.set_branches(form.instance, list(chosen), user=person(request), now=timezone.now())
        except NotAllowed as refusal:
            messages.error(request, f"The branches are as they were. {refusal}")

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        """Return the groups, by name."""
        return ", ".join(sorted(group.name for group in user.groups.all())) or "none"


@admin.register(Group)
class GroupAdmin(StockGroupAdmin, ModelAdmin[Group]):
    """Permissions under one name."""

    appears = "A role's permissions under one name appear here; a user may have several."

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Keep roles for those who work for every branch: others would give their own one what it lacks."""
        return super().has_add_permission(request) and selectors.works_everywhere(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """As to add."""
        return super().has_change_permission(request, obj) and selectors.works_everywhere(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """As to add."""
        return super().has_delete_permission(request, obj) and selectors.works_everywhere(request.user)
