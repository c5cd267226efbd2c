"""The organiser's pages of webhooks: which there are, how each fares, what was posted."""

import secrets
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from usher.account.guards import actor_of, page_for
from usher.account.model import Role
from usher.errors import BadInput, Conflict, IdempotencyMismatch
from usher.hook.model import Hook, HookChange, HookRequest
from usher.hook.service import HookService
from usher.plumbing.cursor import cursor_after, read_cursor
from usher.plumbing.form import Form, read_form
from usher.plumbing.page import Pages, see_other

AnyRequest = Request[Any, Any, Any]

_MAY: Final = [page_for("organiser", "admin")]
_PATH: Final = "/organiser/hooks"
_HOOK: Final = f"{_PATH}/{{hook:str}}"
_ROWS: Final = 50
_STATES: Final = ("pending", "done", "dead")
_DONE: Final = ("saved", "tested", "replayed")


def hook_pages(pages: Pages, hooks: HookService) -> list[HTTPRouteHandler]:
    """The pages, bound to what they show. What is told once, a secret, is the answer to the form
    itself: sent again, the same form is answered the same."""

    async def all_of_them(request: AnyRequest, form: Form, status: int = 200) -> ASGIResponse:
        actor = actor_of(request)
        cursor = read_cursor(str(request.query_params.get("cursor", ""))[:200], "hook")
        found = await hooks.mine(actor, cursor, _ROWS + 1)
        last = found[_ROWS - 1] if len(found) > _ROWS else None
        return pages.show(
            request,
            "organiser_hooks.html",
            status,
            hooks=found[:_ROWS],
            form=form,
            everybodys=actor.role.covers(Role.ADMIN),
            more=f"?cursor={cursor_after(last.created_at, last.id)}" if last else "",
        )

    async def one(
        request: AnyRequest, hook: Hook, form: Form | None = None, status: int = 200, **more: Any
    ) -> ASGIResponse:
        actor = actor_of(request)
        state = str(request.query_params.get("state", ""))
        state = state if state in _STATES else ""
        cursor = read_cursor(str(request.query_params.get("cursor", ""))[:200], "delivery")
        rows = await hooks.deliveries(actor, hook.id, state, cursor, _ROWS + 1)
        older = ""
        if len(rows) > _ROWS:
            last = rows[_ROWS - 1]
            asked = {"state": state} if state else {}
            older = "?" + urlencode(asked | {"cursor": cursor_after(last.created_at, last.id)})
        if form is None:
            form = Form({"url": hook.url})
            form.lists["kinds"] = hook.kinds
        done = request.query_params.get("done", "")
        shown: dict[str, Any] = {
            "form": form,
            "secret": "",
            "done": done if done in _DONE else "",
            "refused": "",
        } | more
        return pages.show(
            request,
            "organiser_hook.html",
            status,
            hook=hook,
            deliveries=rows[:_ROWS],
            state=state,
            states=_STATES,
            older=older,
            key=_key(),
            **shown,
        )

    @get(_PATH, guards=_MAY)
    async def show_hooks(request: AnyRequest) -> ASGIResponse:
        """Where facts are posted to, and a new one."""
        return await all_of_them(request, Form({"key": _key()}))

    @post(_PATH, guards=_MAY, status_code=200)
    async def send_hook(request: AnyRequest) -> ASGIResponse:
        """A new webhook with its secret, or the form again with what is wrong."""
        form = await read_form(request)
        say = pages.language(request)
        key = form["key"] if form["key"].isascii() and 16 <= len(form["key"]) <= 64 else _key()
        try:
            asked = {"url": form["url"], "kinds": form.lists.get("kinds", [])}
            wanted = msgspec.convert(asked, HookRequest)
            hook, secret = await hooks.add(actor_of(request), key, wanted)
            return await one(request, hook, secret=secret)
        except (BadInput, msgspec.ValidationError) as fault:
            if isinstance(fault, IdempotencyMismatch):
                key = _key()
                form.fault("url", say.gettext("This form has been used. Send it once more."))
            form.fault("url", _no_url(say))
        except Conflict:
            form.fault("url", say.gettext("There are as many webhooks as you may have."))
        again = Form(dict(form) | {"key": key})
        again.lists, again.faults = form.lists, form.faults
        return await all_of_them(request, again, 422)

    @get(_HOOK, guards=_MAY)
    async def show_hook_page(hook: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """A webhook: how it fares, what it hears of, what was posted to it."""
        return await one(request, await hooks.find(actor_of(request), hook))

    @post(_HOOK, guards=_MAY, status_code=200)
    async def turn_hook(hook: FromPath[str], request: AnyRequest) -> ASGIResponse:
        """One thing done to a webhook, or the page again with what is wrong."""
        actor, say = actor_of(request), pages.language(request)
        form = await read_form(request)
        found = await hooks.find(actor, hook)
        where = f"{_PATH}/{found.id}"
        try:
            match form["part"]:
                case "change":
                    asked = {"url": form["url"], "kinds": form.lists.get("kinds", [])}
                    await hooks.change(actor, hook, msgspec.convert(asked, HookChange))
                    return see_other(f"{where}?done=saved")
                case "active" | "paused" as state:
                    await hooks.change(actor, hook, HookChange(state=state))
                    return see_other(where)
                case "rotate":
                    turned, secret = await hooks.rotate(actor, hook, form["key"] or None)
                    return await one(request, turned, secret=secret)
                case "test":
                    await hooks.test(actor, hook, form["key"] or None)
                    return see_other(f"{where}?done=tested#deliveries")
                case "replay":
                    await hooks.replay_dead(actor, hook)
                    return see_other(f"{where}?done=replayed#deliveries")
                case "remove":
                    await hooks.remove(actor, hook)
                    return see_other(_PATH)
                case _:
                    raise BadInput("there is no such thing to do to a hook")
        except Conflict:
            refused = say.gettext("Switch the webhook on first.")
            return await one(request, await hooks.find(actor, hook), None, 409, refused=refused)
        except (BadInput, msgspec.ValidationError):
            if form["part"] != "change":
                raise
            form.fault("url", _no_url(say))
            return await one(request, found, form, 422)

    @get(_HOOK + "/deliveries/{delivery:str}", guards=_MAY)
    async def show_delivery_page(
        hook: FromPath[str], delivery: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """One delivery: what was posted, what was answered."""
        actor = actor_of(request)
        return pages.show(
            request,
            "organiser_delivery.html",
            hook=await hooks.find(actor, hook),
            delivery=await hooks.delivery(actor, hook, delivery),
            replayed="replayed" in request.query_params,
        )

    @post(_HOOK + "/deliveries/{delivery:str}", guards=_MAY, status_code=200)
    async def replay_delivery_page(
        hook: FromPath[str], delivery: FromPath[str], request: AnyRequest
    ) -> ASGIResponse:
        """Posts it again."""
        found = await hooks.replay(actor_of(request), hook, delivery)
        return see_other(f"{_PATH}/{found.hook_id}/deliveries/{found.id}?replayed=1")

    return [
        *(show_hooks, send_hook, show_hook_page, turn_hook),
        *(show_delivery_page, replay_delivery_page),
    ]


def _key() -> str:
    """Of one form: whatever it does it does once."""
    return secrets.token_urlsafe(18)


def _no_url(say: Any) -> str:
    return str(
        say.gettext("Type a public address that begins with https:// and holds no password.")
    )
