"""One pace for all processes: together they begin no more than so many calls to Flow in a second."""

import errno
import logging
import math
import threading
import time
from collections.abc import Awaitable
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock
from pyrate_limiter import (
    AbstractBucket,
    Duration,
    InMemoryBucket,
    Limiter,
    Rate,
    RedisBucket,
    SingleBucketFactory,
    SQLiteBucket,
)
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

NAME = "flow_pace"
SECONDS_TO_REACH = 1.0  # a store that does not answer must not take more of a call's time
ALONE_FOR = 30.0  # seconds until a store that failed is tried again
TIDY_EVERY = 10.0  # seconds
AT_ONCE = 100  # the turns of a hundredth of a second are taken together: a visit to the store costs as much as a call
CLOCK_IS_KEPT_RIGHT, CLOCKS_DIFFER = 1_000, 60_000  # milliseconds: of one machine, between machines
FRESH_FOR = 0.1  # seconds after which turns that were taken together and not used are given up


class Pace:
    """Hands out turns. `store` is a Redis address, or a folder for the processes of one machine.

    While the store can't be reached, each process keeps the pace by itself. Safe for many threads; not after a fork.
    """

    def __init__(self, per_second: int, store: str) -> None:
        self._rates = [Rate(per_second, Duration.SECOND)]
        self._store = store
        self._alone = _Turns(InMemoryBucket(self._rates), per_second // AT_ONCE)
        self._shared: _Turns | None = None
        self._alone_until = -math.inf
        self._lock = threading.Lock()

    def wait_for_turn(self, patience: float) -> None:
        """Return once a call may begin. Raises TimeoutError where no turn comes within `patience` seconds."""
        ends = time.monotonic() + patience
        try:
            shared = self._shared_turns()
            got = shared.take(patience) if shared else None
        except Exception as error:  # noqa: BLE001 - each store has errors of its own, and none of them may stop the work
            self._go_alone(error)
            got = None
        if got is None:
            got = self._alone.take(max(0.0, ends - time.monotonic()))
        if not got:
            raise TimeoutError(
                errno.ETIMEDOUT, f"the pace that all processes share left no turn for {patience:g} seconds"
            )

    def _shared_turns(self) -> "_Turns | None":
        with self._lock:
            if self._shared is None and time.monotonic() >= self._alone_until:
                self._shared = _Turns(_open(self._store, self._rates), self._rates[0].limit // AT_ONCE)
            return self._shared

    def _go_alone(self, error: Exception) -> None:
        words = "The pace towards Flow can't be shared (%s): this process keeps it alone for %g seconds"
        with self._lock:
            first = time.monotonic() >= self._alone_until
            self._shared, self._alone_until = None, time.monotonic() + ALONE_FOR
        if first:
            logger.warning(words, type(error).__name__, ALONE_FOR)


class _Turns:
    """A limiter that forgets old turns by itself: the library's thread for that dies with the first fault of a store.

    It takes `together` turns at once and hands them out within FRESH_FOR seconds.
    """

    def __init__(self, bucket: AbstractBucket, together: int) -> None:
        self._bucket = bucket
        self._limiter = Limiter(SingleBucketFactory(bucket, schedule_leak=False))
        self._together = max(1, together)
        self._left, self._fresh_until = 0, -math.inf
        self._lock = threading.Lock()
        self._tidied = -math.inf

    def take(self, patience: float) -> bool:
        ends = time.monotonic() + patience
        if not self._lock.acquire(timeout=patience):
            return False
        try:
            if not self._left or time.monotonic() >= self._fresh_until:
                self._left = self._take_together(max(0.0, ends - time.monotonic()))
                self._fresh_until = time.monotonic() + FRESH_FOR
            self._left -= 1
            return self._left >= 0
        finally:
            self._left = max(0, self._left)
            self._lock.release()

    def _take_together(self, patience: float) -> int:
        if time.monotonic() - self._tidied > TIDY_EVERY:
            self._tidied = time.monotonic()
            self._bucket.leak(self._bucket.now())  # type: ignore[no-untyped-call]  # in the library
        return self._together if self._limiter.try_acquire(weight=self._together, timeout=patience) else 0


class _FileTurns(SQLiteBucket):
    """The turns of one machine. Where its clock was ahead, it has counted some that would hold everybody up till then."""

    def leak(self, current_timestamp: int | None = None) -> int:
        """Forget the turns that are over, and those that are yet to come; `current_timestamp` in milliseconds."""
        assert current_timestamp is not None  # noqa: S101 - the library's own says so
        with self.lock:
            self.conn.execute(f"DELETE FROM {NAME} WHERE item_timestamp > ?", [current_timestamp + CLOCK_IS_KEPT_RIGHT])  # noqa: S608 - our own name
            return super().leak(current_timestamp)


class _RedisTurns(RedisBucket):
    """The turns of several machines, whose clocks differ a little. One that was ahead has counted some that are not yet."""

    def leak(self, current_timestamp: int | None = None) -> int | Awaitable[int]:
        """Forget the turns that are over, and those that are long to come; `current_timestamp` in milliseconds."""
        assert current_timestamp is not None  # noqa: S101 - the library's own says so
        self.redis.zremrangebyscore(NAME, current_timestamp + CLOCKS_DIFFER, "+inf")
        return super().leak(current_timestamp)


def _open(store: str, rates: list[Rate]) -> AbstractBucket:
    """Return the place where turns are counted. Raises what the store raises."""
    scheme = urlsplit(store).scheme
    if scheme in ("redis", "rediss"):
        seconds = SECONDS_TO_REACH
        redis = Redis.from_url(
            store, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0)
        )
        return _RedisTurns.init(rates, redis, NAME)  # type: ignore[no-any-return]  # untyped in the library
    return _open_file(Path(store) / f"{NAME}.sqlite3", rates)


def _open_file(file: Path, rates: list[Rate]) -> AbstractBucket:
    # The library's own use of the lock passes arguments that filelock refuses.
    lock = FileLock(file.with_suffix(".lock"), timeout=SECONDS_TO_REACH, poll_interval=0.002)
    with lock:
        bucket = _FileTurns.init_from_file(rates, NAME, str(file))
        # Turns are worth nothing after a crash of the machine, and waiting for the disk would make them slow.
        bucket.conn.execute("PRAGMA synchronous = OFF")
        bucket.conn.execute("PRAGMA journal_mode = MEMORY")
    bucket.lock = lock  # type: ignore[assignment]  # used in `with` alone
    return bucket
