"""The features of the made-up company, as data: who calls which model, how often, when, and with how many tokens.

Sizes and rhythms are scaled from published traces, so that a chart looks like traffic and not like noise:

* `AzureLLMInferenceTrace_conv` and `_code` of 2023 (Azure/AzurePublicDataset, CC-BY 4.0; Patel et al., "Splitwise:
  Efficient Generative LLM Inference Using Phase Splitting", ISCA 2024): tokens of 19,366 and 8,819 requests.
* Azure's one-week plots of the same two services: the busiest hour has 1.67 times (conversation) and 3.07 times
  (coding) the requests of the mean hour.
* Mooncake's conversation trace (kvcache-ai/Mooncake, Apache-2.0; Qin et al., FAST 2025): tokens of 12,031 requests; of
  its prompt blocks 37 % had been seen before.
"""

from dataclasses import dataclass
from functools import cached_property
from math import cos, exp, log, pi
from typing import Final

from breakeven_collector.demo.clients import ANTHROPIC, EMBEDDINGS, GOOGLE, OPENAI, VLLM, Client


@dataclass(frozen=True, eq=False)
class Sizes:
    """Tokens of a published trace: mean, and standard deviation of the logarithm."""

    input_mean: float
    input_spread: float
    output_mean: float
    output_spread: float


AZURE_CONVERSATION: Final = Sizes(1_154.7, 0.985, 211.1, 0.859)
AZURE_CODE: Final = Sizes(2_047.8, 1.360, 27.9, 0.847)
MOONCAKE: Final = Sizes(12_035.1, 1.199, 342.6, 1.358)
MOONCAKE_REPEATED: Final = 0.37
"""Share of prompt blocks that had been seen before."""


@dataclass(frozen=True, eq=False)
class Rhythm:
    """When in the week the work is done.

    Attributes:
        peak_to_mean: Requests of the busiest hour over those of the mean hour of the week.
        weekend: A weekend day's requests over those of a working day.
        hours: Hours of the day (UTC) with the same load each, instead of a curve.
        peak_hour: Hour (UTC) of the top of the curve.
    """

    peak_to_mean: float = 1.0
    weekend: float = 1.0
    hours: tuple[int, ...] = ()
    peak_hour: int = 14

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """Load of the 168 hours of a week, Monday 00:00 UTC first; the mean is 1."""
        day = tuple(float(hour in self.hours) for hour in range(24)) if self.hours else self._curve()
        week = [load * (self.weekend if weekday > 4 else 1.0) for weekday in range(7) for load in day]
        return tuple(load * 168 / sum(week) for load in week)

    def _curve(self) -> tuple[float, ...]:
        """A cosine over the day, raised to the power that gives the peak asked for."""
        goal = self.peak_to_mean * (5 + 2 * self.weekend) / 7
        low, high = 0.0, 16.0
        day = (1.0,) * 24
        for _ in range(50):
            power = (low + high) / 2
            day = tuple(((1.001 + cos((hour - self.peak_hour) * pi / 12)) / 2.001) ** power for hour in range(24))
            low, high = (power, high) if max(day) * 24 / sum(day) < goal else (low, power)
        return day


CONVERSATION_HOURS: Final = Rhythm(peak_to_mean=1.67, weekend=0.45)
CODING_HOURS: Final = Rhythm(peak_to_mean=3.07, weekend=0.20)
OFFICE_HOURS: Final = Rhythm(peak_to_mean=2.40, weekend=0.25)
ALL_DAY: Final = Rhythm(peak_to_mean=1.30, weekend=0.70)
NIGHT: Final = Rhythm(hours=(1, 2, 3))


ACCIDENT: Final = 1.8
"""Prompts of the accident are so many times as long."""
_CONTEXT: Final = 400_000
"""No prompt is longer: beyond OpenAI's price edge of 272,000 tokens, within what the models take."""


@dataclass(frozen=True, eq=False)
class Step:
    """One kind of call inside a feature.

    Attributes:
        task: Path of steps; a feature entered inside another one is part of it.
        like: The trace that its sizes are scaled from.
        input_scale, output_scale: Mean tokens over those of the trace.
        times: Calls a run, on average.
        cached: Share of the input read from the provider's cache.
        written: Share of the input written to it, kept for an hour.
        reasoning: Share of the output spent on reasoning.
        searches: Web searches a call.
        tier: `openai.response.service_tier`.
        without_usage: Share of calls whose stream never said what it used.
    """

    client: Client
    model: str
    like: Sizes
    input_scale: float = 1.0
    output_scale: float = 1.0
    task: str = ""
    times: float = 1.0
    cached: float = 0.0
    written: float = 0.0
    reasoning: float = 0.0
    searches: int = 0
    tier: str = ""
    streamed: bool = False
    without_usage: float = 0.0

    def input_tokens(self, deviation: float, times: float = 1.0) -> int:
        """Tokens of a prompt so many standard deviations from the middle, so many times as long."""
        tokens = times * exp(self._input_middle + self.like.input_spread * deviation)
        return int(tokens) + 8 if tokens < _CONTEXT else _CONTEXT

    def output_tokens(self, deviation: float) -> int:
        """Tokens of an answer so many standard deviations from the middle."""
        return int(exp(self._output_middle + self.like.output_spread * deviation)) + 1 if self.output_scale else 0

    @cached_property
    def _input_middle(self) -> float:
        return log(self.input_scale * self.like.input_mean) - self.like.input_spread**2 / 2

    @cached_property
    def _output_middle(self) -> float:
        return log(self.output_scale * self.like.output_mean) - self.like.output_spread**2 / 2


@dataclass(frozen=True, eq=False)
class Feature:
    """One feature.

    Attributes:
        name: None for calls that nobody has claimed.
        service: `service.name`.
        runs_a_day: Mean over a week, at the end of the window.
        growth: Of the runs, a day.
        turns: Runs in a row that share a session; 0: no sessions.
        inferred: The name is an agent's only; the application declares no feature.
        began_days: How long before the end of the window it began; 0: before the window.
        had_accident: Whether one working day's prompts were nearly twice as long, with a head that no cache knows.
    """

    name: str | None
    service: str
    rhythm: Rhythm
    runs_a_day: float
    steps: tuple[Step, ...]
    growth: float = 0.001
    turns: int = 0
    inferred: bool = False
    began_days: int = 0
    had_accident: bool = False

    def has_accident(self, hour: int, hours_before_end: float) -> bool:
        """Whether its prompts are those of the accident, in an hour since 1970: on one Wednesday, 08:00–18:00 UTC."""
        weekday, hour_of_day = (hour // 24 + 3) % 7, hour % 24
        # By its beginning: whenever the window ends, it is one Wednesday and not parts of two.
        began = hours_before_end + hour_of_day - 8
        return self.had_accident and weekday == 2 and 8 <= hour_of_day < 18 and 10 * 24 <= began < 17 * 24

    def has_begun(self, hours_before_end: float) -> bool:
        """Whether there is any of it so long before the end of the window."""
        return not self.began_days or hours_before_end <= 24 * self.began_days

    @property
    def declared(self) -> bool:
        """Whether the application says by itself whose call it is."""
        return self.name is not None and not self.inferred


DOUBLY_INSTRUMENTED: Final = "growth-agents"
"""One of its two production processes has two instrumentations of Anthropic's client."""
WITHOUT_SDK: Final = "internal-tools"
"""Sends plain OpenTelemetry: no features, and no running numbers."""

FEATURES: Final = (
    # The one that grows: 2.5 % a day. Contracts are 10 times as long as Mooncake's prompts; two are compared.
    Feature(
        "contract-review",
        "documents-api",
        OFFICE_HOURS,
        runs_a_day=355,
        growth=0.025,
        steps=(
            Step(OPENAI, "gpt-6-astra", MOONCAKE, 10, 6, task="extract-clauses", reasoning=0.4),
            Step(ANTHROPIC, "claude-opus-5-5", MOONCAKE, 4, 2, task="extract-clauses › summarise", written=0.5),
            Step(ANTHROPIC, "claude-opus-5-5", MOONCAKE, 5, 2, task="summarise", times=0.5, cached=0.6),
            Step(OPENAI, "gpt-6-astra", MOONCAKE, 20, 6, task="compare", times=0.7, cached=0.15, reasoning=0.5),
        ),
    ),
    # Agents read files into the prompt: 80 times Azure's completions of 2023. Some prompts pass 272,000 tokens.
    Feature(
        "code-assistant",
        "developer-platform",
        CODING_HOURS,
        runs_a_day=180,
        had_accident=True,
        steps=(
            Step(
                OPENAI,
                "gpt-6-astra",
                AZURE_CODE,
                80,
                24,
                "plan",
                cached=MOONCAKE_REPEATED,
                reasoning=0.6,
                streamed=True,
            ),
            Step(OPENAI, "gpt-5.5", AZURE_CODE, 80, 40, "edit", times=2.0, cached=MOONCAKE_REPEATED, streamed=True),
        ),
    ),
    # History and help articles make a turn 40 times as long as Azure's conversations of 2023, answers 4 times.
    Feature(
        "support-chat",
        "support-api",
        CONVERSATION_HOURS,
        runs_a_day=650,
        growth=0.004,
        turns=4,
        steps=(
            Step(
                OPENAI,
                "gpt-5.5",
                AZURE_CONVERSATION,
                40,
                4,
                cached=MOONCAKE_REPEATED,
                streamed=True,
                without_usage=0.055,
            ),
        ),
    ),
    # A fixed prompt with the rules in front of each ticket: 4 times a conversation's input, a label as the answer.
    Feature(
        "ticket-triage",
        "support-api",
        ALL_DAY,
        runs_a_day=900,
        steps=(
            Step(OPENAI, "gpt-5.4-mini", AZURE_CONVERSATION, 4, 0.1, cached=0.83),
            Step(VLLM, "acme-7b-ft", AZURE_CONVERSATION, 1, 0.1, task="trial", times=0.002),
        ),
    ),
    # An agent: pages that were found are read by a small model, the large one gets up to 16 times Mooncake's prompts.
    Feature(
        "sales-research",
        "growth-agents",
        OFFICE_HOURS,
        runs_a_day=58,
        growth=0.008,
        steps=(
            Step(ANTHROPIC, "claude-opus-5-5", MOONCAKE, 4, 2, task="plan", written=0.4),
            Step(ANTHROPIC, "claude-opus-5-5", MOONCAKE, 16, 4, "search", times=4.0, cached=0.2, searches=3),
            Step(GOOGLE, "gemini-3.8-flash", MOONCAKE, 6, 2, task="read"),
            Step(ANTHROPIC, "claude-sonnet-5-5", MOONCAKE, 2, 3, task="summarise"),
        ),
    ),
    # A batch: dossiers of 4 times Mooncake's prompts, at the batch price.
    Feature(
        "nightly-enrichment",
        "documents-api",
        NIGHT,
        runs_a_day=150,
        steps=(Step(OPENAI, "gpt-6.1-terra", MOONCAKE, 4, 2, tier="batch"),),
    ),
    # A query of a twentieth of a conversation is embedded, then a small model ranks 10 conversations' worth of hits.
    Feature(
        "semantic-search",
        "support-api",
        CONVERSATION_HOURS,
        runs_a_day=100,
        steps=(
            Step(EMBEDDINGS, "text-embedding-3-small", AZURE_CONVERSATION, 0.05, 0, task="embed"),
            Step(OPENAI, "gpt-6.1-terra", AZURE_CONVERSATION, 10, 0.2, task="rerank", times=0.5),
        ),
    ),
    # The quiet one: a list of commits, 12 times the size of Azure's code prompts, and a conversation-sized answer.
    Feature(
        "changelog-writer",
        "developer-platform",
        OFFICE_HOURS,
        runs_a_day=8,
        steps=(Step(ANTHROPIC, "claude-sonnet-5-5", AZURE_CODE, 12, 8),),
    ),
    # An agent framework names its agent; nobody has declared a feature.
    Feature(
        "meeting-notes",
        "growth-agents",
        OFFICE_HOURS,
        runs_a_day=6,
        inferred=True,
        steps=(Step(GOOGLE, "gemini-3.8-flash", MOONCAKE, 1, 1),),
    ),
    # What nobody has claimed: about 3 % of the dollars.
    Feature(
        None,
        WITHOUT_SDK,
        OFFICE_HOURS,
        runs_a_day=72,
        steps=(Step(OPENAI, "gpt-5.5", MOONCAKE, 10, 2),),
    ),
    # The new one: invoices are a quarter of Mooncake's prompts.
    Feature(
        "invoice-intake",
        "documents-api",
        OFFICE_HOURS,
        runs_a_day=190,
        growth=0.01,
        began_days=12,
        steps=(Step(OPENAI, "gpt-5.5", MOONCAKE, 0.25, 1),),
    ),
)
