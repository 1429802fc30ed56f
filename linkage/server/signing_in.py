"""The ways to sign in that the settings open: put together once, at the start."""

from __future__ import annotations

from starlette.routing import Route

from linkage.access.identities import Identities
from linkage.access.provider import Provider
from linkage.access.roles import Role
from linkage.access.tokens import TokenAuthenticator
from linkage.errors import BadSettings
from linkage.model.loopback import is_loopback
from linkage.server.entrance import Entrance, cookie_of
from linkage.server.failures import Failures
from linkage.server.provider_session import ProviderSession
from linkage.server.session import SessionEndpoint
from linkage.settings import Settings


def tokens_of(settings: Settings, secret: bytes) -> TokenAuthenticator | None:
    """Who checks tokens of the identity provider; None: there is none."""
    if settings.oidc_issuer is None:
        return None
    identities = Identities(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None,
        role_claim=settings.oidc_role_claim,
        name_claim=settings.oidc_name_claim,
        roles={value: Role(role) for value, role in settings.oidc_roles.items()} or {role.value: role for role in Role},
        secret=secret,
    )
    return TokenAuthenticator(identities, Provider(settings.oidc_issuer))


def session_routes(
    settings: Settings, entrance: Entrance, failures: Failures, tokens: TokenAuthenticator | None
) -> list[Route]:
    """Signing in and out; at the provider too, where we are known to it.

    Raises `BadSettings` where the provider could not send a browser back.
    """
    client_id = tokens.identities.client_id if tokens is not None else None
    session = SessionEndpoint(entrance, failures, with_provider=client_id is not None)
    routes = [
        Route("/session", session.show, methods=["GET"]),
        Route("/session", session.sign_in, methods=["POST"]),
        Route("/session", session.sign_out, methods=["DELETE"]),
    ]
    if tokens is None or client_id is None:
        return routes
    if settings.public_url is None and not is_loopback(settings.host):
        raise BadSettings(
            f"whoever signs in at {settings.oidc_issuer} could not come back: no browser reaches {settings.host}",
            next_step="Say where they reach the service: LINKAGE_PUBLIC_URL=https://linkage.example",
        )
    here = f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{settings.port}"
    at_provider = ProviderSession(
        entrance,
        tokens,
        client_id,
        f"{settings.public_url or here}/session/callback",
        cookie_of(settings, "sign-in", same_site="lax"),
    )
    return [
        *routes,
        Route("/session/provider", at_provider.begin, methods=["GET"]),
        Route("/session/callback", at_provider.come_back, methods=["GET"]),
    ]
