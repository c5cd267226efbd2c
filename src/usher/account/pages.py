"""Logging in and out, registering, and the account, as pages."""

import re
from typing import Any, Final
from uuid import uuid4

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from usher import limits
from usher.account.guards import (
    ACCESS_COOKIE,
    FAN_COOKIE,
    REFRESH_COOKIE,
    clear_cookie,
    logged_out,
    login_cookies,
    shopping,
    token_in,
)
from usher.account.model import (
    Account,
    Actor,
    Login,
    clean_email,
    clean_name,
    clean_password,
)
from usher.account.service import AccountService
from usher.errors import (
    BadInput,
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    NotFound,
    TooMany,
    Unauthenticated,
)
from usher.plumbing.form import Form, read_form
from usher.plumbing.language import Language
from usher.plumbing.page import Pages, safe_next, see_other

AnyRequest = Request[Any, Any, Any]

_PASSWORDS: Final = ("password", "current", "new")
_KEY: Final = re.compile(rf"[\x21-\x7e]{{16,{limits.idempotency_key_chars_max}}}")


def account_pages(pages: Pages, accounts: AccountService) -> list[HTTPRouteHandler]:
    """The pages, bound to the accounts they show."""

    async def entered(request: AnyRequest, login: Login, form: Form) -> ASGIResponse:
        """Back to where one was, logged in; the guest one was there is the account's from now on,
        and the login this browser had before is over."""
        before = token_in(request.scope, REFRESH_COOKIE)
        if before is not None:
            await accounts.logout(before)
        fan = token_in(request.scope, FAN_COOKIE)
        fan_token = await accounts.tie(login.account.account_id, fan)
        cookies = login_cookies(login, fan_token)
        if fan is not None and not _same_fan(accounts, fan, fan_token):
            cookies += map(clear_cookie, shopping(request.scope))
        return see_other(safe_next(form["next"]), cookies=cookies)

    def login_page(request: AnyRequest, form: Form, status: int = 200) -> ASGIResponse:
        where = safe_next(form["next"])
        return pages.show(request, "login.html", status, form=form, where=where)

    @get("/login", include_in_schema=False)
    async def show_login(request: AnyRequest) -> ASGIResponse:
        """The way in; ?next= is where to go on."""
        return login_page(request, Form({"next": _next(request)}))

    @post("/login", include_in_schema=False, status_code=200)
    async def send_login(request: AnyRequest) -> ASGIResponse:
        """Logs in, or says that email or password is wrong."""
        form = await read_form(request, keep=_PASSWORDS)
        say = pages.language(request)
        try:
            return await entered(
                request, await accounts.login(form["email"], form["password"]), form
            )
        except Unauthenticated:
            form.fault("password", say.gettext("The email or the password is wrong."))
            return login_page(request, form, 401)
        except Forbidden:
            form.fault("email", say.gettext("This account is disabled. Please write to us."))
            return login_page(request, form, 403)
        except TooMany:
            form.fault("password", _crowded(say))
            return login_page(request, form, 429)

    def register_page(
        request: AnyRequest, form: Form, key: str, status: int = 200, *, taken: bool = False
    ) -> ASGIResponse:
        return pages.show(
            request,
            "register.html",
            status,
            form=form,
            key=key,
            taken=taken,
            where=safe_next(form["next"]),
            password_least=limits.password_chars_min,
            password_most=limits.password_chars_max,
        )

    @get("/register", include_in_schema=False)
    async def show_register(request: AnyRequest) -> ASGIResponse:
        """A new account."""
        return register_page(request, Form({"next": _next(request)}), str(uuid4()))

    @post("/register", include_in_schema=False, status_code=200)
    async def send_register(request: AnyRequest) -> ASGIResponse:
        """Makes the account and logs in to it; sent twice, it is one account."""
        form = await read_form(request, keep=_PASSWORDS)
        say = pages.language(request)
        key = form["key"] if _KEY.fullmatch(form["key"]) else str(uuid4())
        _check_person(form, say)
        _check_password(form, "password", say)
        if not form.good:
            return register_page(request, form, key, 422)
        try:
            await accounts.register(form["email"], form["password"], form["name"], key=key)
            login = await accounts.login(form["email"], form["password"])
        except (Conflict, IdempotencyMismatch):
            form.fault("email", say.gettext("This email has an account already."))
            return register_page(request, form, str(uuid4()), 409, taken=True)
        except TooMany:
            form.fault("password", _crowded(say))
            return register_page(request, form, key, 429)
        return await entered(request, login, form)

    async def mine(request: AnyRequest) -> Account:
        """The account of who asks; who is not logged in is asked to."""
        try:
            return await accounts.find(_actor(request, accounts).account_id)
        except NotFound:
            raise Unauthenticated("this account is gone", login=True) from None

    async def account_page(request: AnyRequest, form: Form, status: int = 200) -> ASGIResponse:
        account = await mine(request)
        return pages.show(
            request,
            "account.html",
            status,
            form=form,
            account=account,
            logins=await accounts.logins(account.account_id),
            changed="changed" in request.query_params,
            password_least=limits.password_chars_min,
            password_most=limits.password_chars_max,
        )

    @get("/account", include_in_schema=False)
    async def show_account(request: AnyRequest) -> ASGIResponse:
        """Who one is here, and how to leave."""
        return await account_page(request, Form())

    @post("/account", include_in_schema=False, status_code=200)
    async def change_password(request: AnyRequest) -> ASGIResponse:
        """Changes the password: logged out everywhere else, logged in here."""
        form = await read_form(request, keep=_PASSWORDS)
        say = pages.language(request)
        account_id = _actor(request, accounts).account_id
        _check_password(form, "new", say)
        if not form["current"]:
            form.fault("current", say.gettext("Type the password you have now."))
        if not form.good:
            return await account_page(request, form, 422)
        try:
            login = await accounts.change_password(account_id, form["current"], form["new"])
        except Unauthenticated:
            form.fault("current", say.gettext("This is not your password."))
            return await account_page(request, form, 422)
        except Conflict:
            form.fault("current", say.gettext("Your password was changed a moment ago."))
            return await account_page(request, form, 409)
        except TooMany:
            form.fault("new", _crowded(say))
            return await account_page(request, form, 429)
        except NotFound:
            raise Unauthenticated("this account is gone", login=True) from None
        return see_other("/account?changed=1", cookies=login_cookies(login))

    @post("/logout", include_in_schema=False)
    async def leave(request: AnyRequest) -> ASGIResponse:
        """Logs out in this browser."""
        token = token_in(request.scope, REFRESH_COOKIE)
        if token is not None:
            await accounts.logout(token)
        return _left(request, accounts)

    @post("/logout/everywhere", include_in_schema=False)
    async def leave_everywhere(request: AnyRequest) -> ASGIResponse:
        """Logs out in every browser and program."""
        await accounts.logout_everywhere(_actor(request, accounts).account_id)
        return _left(request, accounts)

    return [
        *(show_login, send_login, show_register, send_register),
        *(show_account, change_password, leave, leave_everywhere),
    ]


def _next(request: AnyRequest) -> str:
    return str(request.query_params.get("next", ""))


def _actor(request: AnyRequest, accounts: AccountService) -> Actor:
    token = token_in(request.scope, ACCESS_COOKIE)
    try:
        return accounts.actor(token or "")
    except Unauthenticated:
        raise Unauthenticated("log in first", login=True) from None


def _same_fan(accounts: AccountService, before: str, now: str) -> bool:
    """Whether two tokens are one fan's; of one that is too old to be read nothing else is known."""
    try:
        return accounts.fan_of(before).fan_id == accounts.fan_of(now).fan_id
    except Unauthenticated:
        return True


def _left(request: AnyRequest, accounts: AccountService) -> ASGIResponse:
    return see_other("/", cookies=map(clear_cookie, logged_out(request.scope, accounts)))


def _crowded(say: Language) -> str:
    return say.gettext("Many people are logging in just now. Try again in a few seconds.")


def _check_person(form: Form, say: Language) -> None:
    try:
        clean_email(form["email"])
    except BadInput:
        form.fault("email", say.gettext("Type an address like name@example.com."))
    try:
        clean_name(form["name"])
    except BadInput:
        form.fault("name", say.gettext("This name is too long, or holds signs that are none."))


def _check_password(form: Form, field: str, say: Language) -> None:
    if len(form[field]) < limits.password_chars_min:
        least = limits.password_chars_min
        form.fault(
            field,
            say.ngettext(
                "Too short: take at least %(num)s character.",
                "Too short: take at least %(num)s characters.",
                least,
            )
            % {"num": say.number(least)},
        )
        return
    try:
        clean_password(form[field])
    except BadInput:
        form.fault(field, say.gettext("This password is too long, or holds signs that are none."))
