"""The file that says which judge is asked.

endpoint: https://api.example.com/v1
model: a-model
key: EXAMPLE_KEY          # name of the environment variable that holds it
prompt: rubric.txt        # relative to this file; by default the one that is shipped
repeats: 3
temperature: 0.7
input_price: 0.5          # per million tokens
output_price: 1.5
ragas: [faithfulness]
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.endpoint import address
from components.endpoint.chat import Endpoint
from components.endpoint.conversation import ChatModel
from components.endpoint.ledger import Ledger
from components.errors import BadOption, SpecError
from components.options import Count, Weight
from components.spec import yaml_file
from evals.judging import prompts
from evals.judging.model_judge import PLACES, ModelJudge

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Ragas = Literal["faithfulness", "answer_correctness", "context_precision", "context_recall"]
"""The metrics of ragas that ask the judge's model."""
_SECRET = frozenset({"key", "endpoint"})
"""Values that no message shows: people paste keys into them."""
_HELP: Mapping[str, str] = {
    "endpoint": "an address such as https://api.example.com/v1",
    "key": "the name of the environment variable that holds it",
    "model": "a name that the endpoint knows",
    "ragas": f"known: {', '.join(get_args(Ragas))}",
}


class JudgeFile(BaseModel):
    """What the file says, checked; `prompt` is the text, not the path."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    endpoint: str
    model: Annotated[str, Field(min_length=1)]
    key: str = "MILLRACE_ENDPOINT_KEY"
    prompt: str = ""
    repeats: Count = 1
    """Of little use at the temperature 0."""
    temperature: Annotated[float, Field(ge=0)] | None = 0.0
    """None: the server's own."""
    max_tokens: Count = 1024
    """Of a reply."""
    seconds: Annotated[float, Field(gt=0)] = 60.0
    """Of silence after which a call is given up."""
    input_price: Weight = 0.0
    output_price: Weight = 0.0
    ragas: Annotated[tuple[Ragas, ...], Field(strict=False)] = ()


def read(file: Path) -> JudgeFile:
    """The file, with the prompt that it names or the one that comes with the package.

    Raises SpecError.
    """
    raw = yaml_file.parse(_text(file), str(file))
    if not isinstance(raw, dict):
        raise SpecError("a judge file is a mapping").at(
            where=str(file), hint="it begins  endpoint: https://…"
        )
    try:
        found = JudgeFile.model_validate(raw)
    except ValidationError as error:
        raise _spec_error(error.errors()[0], file) from None
    try:
        address.check(found.endpoint, found.key)
    except BadOption as error:
        raise SpecError(str(error)).at(f"{file}: {error.where}", _HELP[error.where]) from None
    prompt = _prompt(found.prompt, file) if found.prompt else prompts.shipped(prompts.RUBRIC)
    return found.model_copy(update={"prompt": prompt})


def model_judge(said: JudgeFile, ledger: Ledger) -> ModelJudge:
    """The judge of a file, whose calls go into the ledger. Raises BadOption, MissingExtra."""
    return ModelJudge(model=model(said, ledger), repeats=said.repeats, prompt=said.prompt)


def model(said: JudgeFile, ledger: Ledger) -> ChatModel:
    """The model of a file, also for what else is asked of it, such as ragas' metrics.

    Raises BadOption, MissingExtra.
    """
    return Endpoint(
        address=said.endpoint,
        model=said.model,
        key=said.key,
        temperature=said.temperature,
        max_tokens=said.max_tokens,
        seconds=said.seconds,
        input_price=said.input_price,
        output_price=said.output_price,
        ledger=ledger,
    )


def _prompt(path: str, file: Path) -> str:
    try:
        text = _text(file.parent / Path(path).expanduser())
    except RuntimeError as error:  # ~somebody who is not known here
        raise SpecError(f"no such file: {error}").at(where=f"{file}: prompt") from None
    try:
        prompts.check(text, *PLACES)
    except BadOption as error:
        raise SpecError(str(error)).at(where=f"{file}: prompt", hint=error.hint) from None
    return text


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError("no such file").at(where=str(file)) from None
    except (OSError, ValueError) as error:
        raise SpecError(f"cannot be read: {error}").at(where=str(file)) from None


def _spec_error(first: ErrorDetails, file: Path) -> SpecError:
    """Of pydantic's first complaint."""
    name = str(first["loc"][0]) if first["loc"] else ""
    known = JudgeFile.model_fields
    if name not in known:
        return SpecError(f"unknown key {name!r}").at(
            where=str(file), hint=f"known: {', '.join(known)}"
        )
    if first["type"] == "missing":
        return SpecError(f"{name!r} is missing").at(where=str(file), hint=_HELP.get(name, ""))
    given = "" if name in _SECRET else f", not {first['input']!r}"
    message = first["msg"][:1].lower() + first["msg"][1:]
    return SpecError(f"{message}{given}").at(where=f"{file}: {name}", hint=_HELP.get(name, ""))
