"""Origins that change while an application runs: of a file, a database, Redis.

A `Follower` asks a source for the whole set of origins, again and again, and puts the policy that
they make in force. It works beside the requests: none waits for it.

Example:
    >>> from corsac.live import FileSource, Follower
    >>> base = corsac.CORSPolicy(allow_origins=["https://app.example.com"])
    >>> middleware = corsac.CORSMiddleware(app, base)
    >>> with Follower(middleware, FileSource("origins.txt"), base=base) as follower:
    ...     print(follower.status)
"""

from corsac.live.follower import Follower
from corsac.live.redis import RedisSource
from corsac.live.seen import FollowerStatus
from corsac.live.sources import FileSource, OriginSource, PollSource

__all__ = [
    "FileSource",
    "Follower",
    "FollowerStatus",
    "OriginSource",
    "PollSource",
    "RedisSource",
]
