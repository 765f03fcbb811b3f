"""What a program that calls a framesrv may have to deal with."""

from __future__ import annotations

from grpc import StatusCode

from framesrv.errors import FramesrvError, Reason

CODES: dict[int, StatusCode] = {code.value[0]: code for code in StatusCode}


class FramesrvClientError(FramesrvError):
    """The base of everything this package raises on purpose, but for ValueError and TypeError."""


class ClientClosed(FramesrvClientError):
    """The client was used after its ``close()``."""

    def __init__(self) -> None:
        super().__init__("this client is closed: make a new one")


class CallFailed(FramesrvClientError):
    """A call that was refused, by the server, on the way to it, or before it was sent."""

    reason: str  # type: ignore[assignment]  # a newer server may name reasons we do not know

    def __init__(
        self,
        code: StatusCode,
        reason: str,
        message: str,
        hint: str = "",
        retry_after_s: float | None = None,
        *,
        unanswered: int = 0,
    ) -> None:
        self.code = code
        self.reason = reason  # "" where gRPC itself failed
        self.message = message
        self.hint = hint
        self.retry_after_s = retry_after_s
        self.unanswered = unanswered  # frames taken from a stream's iterable that have no result
        super().__init__(message)

    def __str__(self) -> str:
        name = f"{self.code.name}, {self.reason}" if self.reason else self.code.name
        parts = [f"{self.message} [{name}]"]
        if self.hint:
            parts.append(self.hint)
        if self.retry_after_s is not None:
            parts.append(f"retry after {self.retry_after_s:g} s")
        if self.unanswered:
            parts.append(f"{self.unanswered} frames have no result")
        return "; ".join(parts)


class ServerBusy(CallFailed):
    """The server is full at the moment and says when to come again."""


class ServerUnavailable(CallFailed):
    """Nobody is there, the connection broke, or the server is closing."""


class ServerDraining(ServerUnavailable):
    """The server closes; the results of this stream that it gave were all yielded before."""


class SlowConsumer(CallFailed):
    """A subscriber that read nothing for too long was given up by the server."""


class DeadlineExceeded(CallFailed):
    """No answer in the time given."""


class InvalidRequest(CallFailed):
    """The request itself is at fault: sent again, it will fail again."""


class FrameFailed(FramesrvClientError):
    """A frame that was answered with an error; see ``Result.raise_for_error``."""

    reason: str  # type: ignore[assignment]  # as above

    def __init__(
        self,
        code: StatusCode,
        reason: str,
        message: str,
        retry_after_s: float | None,
        sequence: int,
    ) -> None:
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s
        self.sequence = sequence
        super().__init__(f"frame {sequence}: {message} [{code.name}, {reason}]")


class FrameDropped(FrameFailed):
    """A frame that was never processed, by the stream's policy or for its age."""


_AT_FAULT = {
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.OUT_OF_RANGE,
    StatusCode.UNIMPLEMENTED,
}


def kind_of(code: StatusCode, reason: str, retry_after_s: float | None) -> type[CallFailed]:
    if reason == Reason.SLOW_CONSUMER:
        return SlowConsumer
    if code is StatusCode.RESOURCE_EXHAUSTED and retry_after_s is not None:
        return ServerBusy
    if code is StatusCode.UNAVAILABLE:
        return ServerUnavailable
    if code is StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded
    return InvalidRequest if code in _AT_FAULT else CallFailed


def refused_here(reason: Reason, message: str, hint: str) -> InvalidRequest:
    """What the server would refuse, seen before it is sent."""
    return InvalidRequest(StatusCode.INVALID_ARGUMENT, str(reason), message, hint)


def broken_promise(message: str, unanswered: int = 0) -> CallFailed:
    """The server answered against the contract."""
    hint = "this is a fault of the server, or of something between"
    return CallFailed(StatusCode.INTERNAL, "", message, hint, unanswered=unanswered)


def not_accepted(waited_s: float) -> DeadlineExceeded:
    """The server has not said that a subscription is in place."""
    return DeadlineExceeded(
        StatusCode.DEADLINE_EXCEEDED,
        "",
        f"the server has not taken the subscription within {waited_s:g} s",
        "is the server alive? timeout_s is the client's patience",
    )


def cancelled() -> CallFailed:
    return CallFailed(StatusCode.CANCELLED, "", "the call was cancelled, or its client closed")
