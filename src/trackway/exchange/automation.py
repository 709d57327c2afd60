"""What a workspace has beside experiments and registered models, into another one."""

from __future__ import annotations

from trackway.api import access as c
from trackway.api import operations as ops
from trackway.api import schedules as s
from trackway.api import signing as k
from trackway.api import webhooks as w
from trackway.exchange.pages import read_pages
from trackway.exchange.report import Report
from trackway.exchange.settings import PastWorkspace
from trackway.sdk.transport import Transport

PAGE = 1_000


class SettingsImporter:
    """Brings over what is asked for of a workspace's settings. What is here under the same name stays as it is."""

    def __init__(self, transport: Transport, past: PastWorkspace, report: Report) -> None:
        self._transport = transport
        self._past = past
        self._report = report

    def import_keys(self) -> None:
        """Trust the keys that signatures of versions are verified with: before the versions are brought over."""
        known = {one.name for one in self._transport.call(ops.LIST_SIGNING_KEYS, k.ListSigningKeys()).keys}
        for key in self._past.signing_keys:
            if key.name not in known:
                with self._report.noting(f"signing key {key.name!r}"):
                    self._transport.call(ops.TRUST_SIGNING_KEY, k.TrustSigningKey(name=key.name, pem=key.pem))
                    self._report.added.signing_keys += 1

    def import_automation(self) -> None:
        """Bring over webhooks and schedules, at rest: nothing is sent and nothing runs twice because of it."""
        known = {one.name for one in list_webhooks(self._transport)} if self._past.webhooks else set()
        for hook in self._past.webhooks:
            if hook.name not in known:
                with self._report.noting(f"webhook {hook.name!r}"):
                    self._transport.call(
                        ops.CREATE_WEBHOOK,
                        w.CreateWebhook(
                            name=hook.name,
                            url=hook.url,
                            events=hook.events,
                            description=hook.description,
                            enabled=False,
                        ),
                    )
                    self._report.added.webhooks += 1
        scheduled = {one.name for one in list_schedules(self._transport)} if self._past.schedules else set()
        for plan in self._past.schedules:
            if plan.name not in scheduled:
                with self._report.noting(f"schedule {plan.name!r}"):
                    self._transport.call(ops.CREATE_SCHEDULE, _to_request(plan))
                    self._report.added.schedules += 1

    def import_access(self) -> None:
        """Bring over roles, teams and grants, of users who are here."""
        call = self._transport.call
        roles = {one.role for one in call(ops.LIST_ROLES, c.ListRoles()).roles}
        for role in self._past.roles:
            if role.role not in roles:
                with self._report.noting(f"role {role.role!r}"):
                    call(ops.SET_ROLE, c.SetRole(role=role.role, permissions=role.permissions))
                    self._report.added.roles += 1
        teams = {one.team: one.members for one in call(ops.LIST_TEAMS, c.ListTeams()).teams}
        for team in self._past.teams:
            with self._report.noting(f"team {team.team!r}"):
                if team.team not in teams:
                    call(ops.CREATE_TEAM, c.CreateTeam(team=team.team, description=team.description))
                    self._report.added.teams += 1
                for user in team.members:
                    if user not in teams.get(team.team, ()):
                        with self._report.noting(f"member {user!r} of team {team.team!r}"):
                            call(ops.ADD_MEMBER, c.TeamMember(team=team.team, user=user))
        self._import_grants()

    def _import_grants(self) -> None:
        became = {one.experiment_id: one.became_id for one in self._report.mapped}
        known = {_identify(one) for one in self._transport.call(ops.LIST_GRANTS, c.ListGrants()).grants}
        for grant in self._past.grants:
            target = became.get(grant.target, grant.target) if grant.target_kind == "experiment" else grant.target
            request = c.CreateGrant(
                subject_kind=grant.subject_kind,
                subject=grant.subject,
                target_kind=grant.target_kind,
                target=target,
                role=grant.role,
            )
            if _identify(request) not in known:
                who = grant.subject or grant.subject_kind
                with self._report.noting(f"role {grant.role!r} of {who!r} on {grant.target_kind} {target}".rstrip()):
                    self._transport.call(ops.CREATE_GRANT, request)
                    self._report.added.grants += 1


def list_webhooks(transport: Transport) -> list[w.Webhook]:
    """Return all webhooks of a workspace, oldest first."""
    pages = read_pages(transport, ops.LIST_WEBHOOKS, w.ListWebhooks(limit=PAGE))
    return [one for page in pages for one in page.webhooks]


def list_schedules(transport: Transport) -> list[s.Schedule]:
    """Return all schedules of a workspace, by name."""
    pages = read_pages(transport, ops.LIST_SCHEDULES, s.ListSchedules(limit=PAGE))
    return [one for page in pages for one in page.schedules]


def _identify(grant: c.Grant | c.CreateGrant) -> tuple[str, ...]:
    return grant.subject_kind, grant.subject, grant.target_kind, grant.target, grant.role


def _to_request(plan: s.Schedule) -> s.CreateSchedule:
    return s.CreateSchedule(
        name=plan.name,
        cron=plan.cron,
        launch=plan.launch,
        time_zone=plan.time_zone,
        catch_up=plan.catch_up,
        catch_up_limit=plan.catch_up_limit,
        overlap=plan.overlap,
        paused=True,
    )
