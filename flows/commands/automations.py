"""`millrace automations`: have Prefect's server send a message when runs do not end well."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from flows.commands.shared import json_option, prepare, print_json
from flows.commands.span import span

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events.schemas.automations import AutomationCore

    from flows.automations import Automation, Watched


@click.command("automations")
@click.argument("deployments", nargs=-1, required=True, metavar="FLOW/NAME...")
@click.option(
    "--notify",
    required=True,
    metavar="TYPE/NAME",
    help="The block that sends the messages, such as slack-webhook/owners.",
)
@click.option(
    "--max-age",
    required=True,
    type=span,
    metavar="SPAN",
    help="Send one where no run has ended well for longer: 90m, 26h, 2d.",
)
@json_option
def command(deployments: tuple[str, ...], notify: str, max_age: timedelta, as_json: bool) -> int:
    """Have Prefect's server watch these deployments, such as refresh/handbook.

    It sends a message when no run has ended well for too long, for whatever reason, when a run
    failed or crashed, when many documents failed, and when a run waits for a person. Run it again
    to change what it made.
    """
    prepare()
    from flows import orchestrator

    orchestrator.check_named()
    from prefect.client.orchestration import get_client

    from flows.automations import automations

    with orchestrator.running(), get_client(sync_client=True) as client:
        block = _block(client, notify)
        watched = [_watched(client, each) for each in deployments]
        made = [_made(client, each) for one in watched for each in automations(one, max_age, block)]
    if as_json:
        print_json({"schema": 1, "automations": made})
    else:
        for each in made:
            click.echo(f"{each['did']:9}  {each['name']}")
    return 0


def _block(client: SyncPrefectClient, given: str) -> str:
    """The id of a block that can send messages. Raises BadOption."""
    from prefect.exceptions import ObjectNotFound

    from components.errors import BadOption

    kind, _, name = given.partition("/")
    try:
        found = client.read_block_document_by_name(name, kind)
    except ObjectNotFound:
        raise BadOption(f"the server has no block {given!r}").at(
            where="--notify", hint="make one in the UI, under Blocks, and give its TYPE/NAME"
        ) from None
    if not (found.block_schema and "notify" in found.block_schema.capabilities):
        raise BadOption(f"the block {given!r} sends no messages").at(
            where="--notify", hint="use one such as slack-webhook or custom-webhook"
        )
    return str(found.id)


def _watched(client: SyncPrefectClient, given: str) -> Watched:
    """Raises BadOption."""
    from prefect.exceptions import ObjectNotFound
    from prefect.utilities.urls import url_for

    from components.errors import BadOption
    from flows.automations import Watched

    flow, _, name = given.partition("/")
    try:
        found = client.read_deployment_by_name(given)
    except (ObjectNotFound, ValueError):  # it has no slash
        raise BadOption(f"the server has no deployment {given!r}").at(
            where="FLOW/NAME", hint="deploy it first; prefect deployment ls names those there are"
        ) from None
    read = found.parameters
    files = [read["pipeline"]] if "pipeline" in read else read.get("pipelines", ())
    pages = (
        url_for("deployment", obj_id=found.id),
        url_for("flow-run", obj_id="{{ flow_run.id }}"),
    )
    page, run_page = (each or "" for each in pages)
    return Watched(flow=flow, name=name, files=tuple(map(str, files)), page=page, run_page=run_page)


def _made(client: SyncPrefectClient, wanted: Automation) -> dict[str, Any]:
    """Make an automation, or change the one of that name where it is another: what it did. One that
    is not touched goes on counting, one that is paused stays so.
    """
    from prefect.events.schemas.automations import AutomationCore

    own = AutomationCore.model_validate(wanted)
    found = client.read_automations_by_name(own.name)
    if not found:
        return {"name": own.name, "id": str(client.create_automation(own)), "did": "made"}
    there, name = found[0], {"name": own.name, "id": str(found[0].id)}
    if _compared(there) == _compared(own):
        return {**name, "did": "unchanged"}
    client.update_automation(there.id, own.model_copy(update={"enabled": there.enabled}))
    return {**name, "did": "changed"}


def _compared(automation: AutomationCore) -> Any:
    """What it is made of, without the ids that the server gives its triggers."""
    made = automation.model_dump(include={"description", "trigger", "actions"})
    return _without_ids(made)


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(each) for name, each in value.items() if name != "id"}
    return [_without_ids(each) for each in value] if isinstance(value, list) else value
