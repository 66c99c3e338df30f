"""Note: what is known of one HTTP request, gathered on its way for the log and the metrics."""

from __future__ import annotations

import msgspec

from bkendctl.core.call import Call
from bkendctl.core.permissions import actor_of


class Note(msgspec.Struct):
    """route: the path's template, so that ids do not make metrics grow. code: of the error answered."""

    request_id: str
    route: str = ""
    operation: str | None = None
    environment: str | None = None
    actor: str | None = None
    code: str | None = None

    def take(self, call: Call) -> None:
        """Take over what a call found out."""
        self.route = call.operation.path
        self.operation = call.operation.name
        if call.environment is not None:
            self.environment = call.environment.name
            actor = actor_of(call)
            self.actor = f"{actor.type}:{actor.id}" if actor.id else actor.type
