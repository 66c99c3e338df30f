"""Invitations to an organization or a project."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from bkendctl.contract.fields import Email, MailedToken, Name, OrganizationRole, Timestamp, Url, Uuid
from bkendctl.contract.operation import Access, Body, Empty, Message, Operation, RateClass
from bkendctl.contract.paging import Page, PageRequest

ResourceType = Literal["organization", "project"]
InvitationStatus = Literal["pending", "accepted", "rejected", "expired", "revoked"]


class Invitation(Body, kw_only=True):
    """membershipPending: accepted, but no user with that proven address exists yet."""

    id: str
    resource_type: ResourceType
    resource_id: str
    resource_name: str
    resource_role: OrganizationRole
    email: str
    name: str | None
    inviter_name: str | None
    status: InvitationStatus
    expires_at: Timestamp
    invited_by: str | None
    created_at: Timestamp
    responded_at: Timestamp | None
    membership_pending: bool


class InvitationCreated(Invitation, kw_only=True):
    """An invitation just made; link is given with send false alone, this once."""

    link: str | UnsetType = UNSET


class Create(Body, kw_only=True):
    """send false: no mail, the answer has the link."""

    resource_type: ResourceType
    resource_id: Uuid
    resource_name: Name | UnsetType = UNSET
    email: Email
    name: Name | UnsetType = UNSET
    resource_role: OrganizationRole
    inviter_name: Name | UnsetType = UNSET
    callback_url: Url | UnsetType = UNSET
    send: bool = True


class ListInvitations(PageRequest, kw_only=True):
    """Filters; resourceType user is accepted and matches nothing."""

    resource_type: Literal["user", "organization", "project"] | UnsetType = UNSET
    resource_id: Uuid | UnsetType = UNSET
    status: InvitationStatus | UnsetType = UNSET


class InvitationId(Body, kw_only=True):
    """Which invitation."""

    invitation_id: str


class Accept(Body, kw_only=True):
    """The mailed token; email is checked against the invitation when given."""

    token: MailedToken
    email: Email | UnsetType = UNSET


class Reject(Body, kw_only=True):
    """The mailed token and the invited address."""

    token: MailedToken
    email: Email


CREATE = Operation(
    name="invitations.create",
    operation_id="create_invitation",
    method="POST",
    path="/v1/auth/invitations",
    summary="Invite an address to an organization or project",
    access=Access.MANAGER_OR_ADMIN,
    rate=RateClass.CODE,
    request=Create,
    response=InvitationCreated,
    status=201,
    errors=(
        "auth/already-member",
        "auth/invalid-email",
        "auth/invitation-already-pending",
        "organization/not-found",
        "project/not-found",
    ),
)

LIST = Operation(
    name="invitations.list",
    operation_id="list_invitations",
    method="GET",
    path="/v1/auth/invitations",
    summary="Invitations, newest first",
    access=Access.MEMBER_OR_ADMIN,
    request=ListInvitations,
    response=Page[Invitation],
)

GET = Operation(
    name="invitations.get",
    operation_id="get_invitation",
    method="GET",
    path="/v1/auth/invitations/{invitationId}",
    summary="One invitation",
    access=Access.MEMBER_OR_ADMIN,
    request=InvitationId,
    response=Invitation,
    errors=("auth/invitation-not-found",),
)

REVOKE = Operation(
    name="invitations.revoke",
    operation_id="revoke_invitation",
    method="DELETE",
    path="/v1/auth/invitations/{invitationId}",
    summary="Take an open invitation back",
    access=Access.MANAGER_OR_ADMIN,
    request=InvitationId,
    response=Message,
    errors=("auth/invitation-already-accepted", "auth/invitation-expired", "auth/invitation-not-found"),
)

ACCEPT = Operation(
    name="invitations.accept",
    operation_id="accept_invitation",
    method="POST",
    path="/v1/auth/invitations/accept",
    summary="Accept with the mailed token",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=Accept,
    response=Invitation,
    errors=("auth/invitation-already-accepted", "auth/invitation-expired", "auth/invitation-not-found"),
)

REJECT = Operation(
    name="invitations.reject",
    operation_id="reject_invitation",
    method="POST",
    path="/v1/auth/invitations/reject",
    summary="Decline with the mailed token",
    access=Access.GUEST,
    rate=RateClass.LOGIN,
    request=Reject,
    response=Empty,
    errors=(
        "auth/invalid-email",
        "auth/invitation-already-accepted",
        "auth/invitation-expired",
        "auth/invitation-not-found",
    ),
)

RESEND = Operation(
    name="invitations.resend",
    operation_id="resend_invitation",
    method="POST",
    path="/v1/auth/invitations/{invitationId}/resend",
    summary="Mail an open or expired invitation again",
    access=Access.MANAGER_OR_ADMIN,
    rate=RateClass.CODE,
    request=InvitationId,
    response=Invitation,
    extension=True,
    errors=("auth/invitation-already-accepted", "auth/invitation-not-found"),
)
