"""kombu's transport for Redis, made to bear an entry that is no message; apart, for its library takes long to import."""

from typing import Any

from kombu.transport import redis

from flowsite.broker import Message
from flowsite.messages import refuse


class Channel(redis.Channel):
    """Takes the queue's entries unless they are broken."""

    Message = Message

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # it has one
        except (
            ValueError,
            RecursionError,
        ) as error:  # from JSON, from bytes that are no text, or from the message above
            refuse("the entry is no message", str(error))
            return True


class Transport(redis.Transport):
    """The library's transport with the channel above."""

    Channel = Channel
