"""How a server says what is wrong."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse


class Fault(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def response(self) -> JSONResponse:
        told = {"status": {"error": str(self)}, "time": 0.0}
        return JSONResponse(told, self.status, self.headers)


def result(found: Any) -> JSONResponse:
    return JSONResponse({"result": found, "status": "ok", "time": 0.0})


def format_error(text: object) -> Fault:
    """The body does not fit the types."""
    return Fault(400, f"Format error in JSON body: {text}")


def out_of_range(text: str, where: str = "JSON body") -> Fault:
    """The body fits the types, and a value is not allowed."""
    return Fault(422, f"Validation error in {where}: [{text}]")


def wrong_input(text: str, status: int = 400) -> Fault:
    return Fault(status, f"Wrong input: {text}")


def missing(collection: str) -> Fault:
    return Fault(404, f"Not found: Collection `{collection}` doesn't exist!")


def taken(collection: str) -> Fault:
    return wrong_input(f"Collection `{collection}` already exists!", 409)


def not_allowed(text: str, help: str) -> Fault:
    """Strict mode says no."""
    return Fault(400, f"Bad request: {text}. Help: {help}")


def of_engine(error: BaseException) -> Fault:
    """What the engine raises has no class: only its text says what it is."""
    text = str(error)
    if text.startswith("No point with id"):
        return Fault(404, f"Not found: {text} found")
    if text.startswith(("Not existing vector name", "Vector dimension", "Wrong usage")):
        return wrong_input(text)
    if "range index for `order_by`" in text:
        return Fault(400, f"Bad request: {text}")
    return Fault(500, f"Service internal error: {text}")
