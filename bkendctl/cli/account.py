"""bkendctl account: leave."""

from __future__ import annotations

from bkendctl.cli.context import Context
from bkendctl.cli.options import Noun
from bkendctl.contract import accounts
from bkendctl.local import recent

noun = Noun("Delete the account.")


@noun.verb("delete")
def delete(ctx: Context) -> None:
    """Delete the own account; an admin can restore it for 30 days.

    Example: bkendctl account delete --yes
    """
    me = ctx.call(accounts.GET_ME)
    ctx.confirm(f"Delete the account {me.email}?")
    answer = ctx.call(accounts.WITHDRAW)
    ctx.speaker.forget()
    recent.forget(ctx.paths, ctx.profile.name)
    ctx.show(answer)
