"""The routes of `/api/auth/`."""

from django.urls import path

from noren_kit.endpoints.auth import invitations, passwords, sessions, tokens

urlpatterns = [
    path("token/", tokens.SignInView.as_view(), name="token"),
    path("token/refresh/", tokens.RefreshView.as_view(), name="token-refresh"),
    path("token/verify/", tokens.VerifyView.as_view(), name="token-verify"),
    path("jwks.json", tokens.KeySetView.as_view(), name="jwks"),
    path("logout/", sessions.LogoutView.as_view(), name="logout"),
    path("logout/all/", sessions.LogoutAllView.as_view(), name="logout-all"),
    path("me/", sessions.MeView.as_view(), name="me"),
    path("switch/", sessions.SwitchView.as_view(), name="switch"),
    path("password/change/", passwords.ChangeView.as_view(), name="password-change"),
    path("password/reset/", passwords.ResetView.as_view(), name="password-reset"),
    path(
        "password/reset/confirm/",
        passwords.ResetConfirmView.as_view(),
        name="password-reset-confirm",
    ),
    path("invitations/", invitations.InvitationsView.as_view(), name="invitations"),
    path(
        "invitations/<str:pk>/accept/",
        invitations.AcceptView.as_view(),
        name="invitation-accept",
    ),
    path(
        "invitations/<str:pk>/decline/",
        invitations.DeclineView.as_view(),
        name="invitation-decline",
    ),
]
