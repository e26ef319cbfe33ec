"""Names of the span attributes that Breakeven reads and writes: the contract between SDK and collector.

`docs/attributes.md` is the same contract in prose. The collector imports this module; the SQL view that maps spans to
calls spells the names out, and a test holds the two together. Names without the prefix `breakeven.` are OpenTelemetry's
own (GenAI semantic conventions as of 2026-08, repository `semantic-conventions-genai`).
"""

from typing import Final

# --- whose call it is -------------------------------------------------------------------------------------------------
FEATURE: Final = "breakeven.feature"
"""Name of the feature that pays. On a span, or on the resource as a default of the whole process."""
TASK: Final = "breakeven.task"
"""Path of steps inside the feature, joined by TASK_SEPARATOR; absent outside any step."""
TASK_SEPARATOR: Final = " › "
TENANT: Final = "breakeven.tenant"
"""The customer, account or workspace of the application that the call was made for."""
TAG_PREFIX: Final = "breakeven.tag."
"""`breakeven.tag.<name>` = any further dimension, a string."""
RUN: Final = "breakeven.run"
"""Random id of one outermost entry into a feature: what "cost a run" divides by."""
ROUTE: Final = "breakeven.route"
"""`http.route` of the request that the application was serving: a rule may turn it into a feature."""
USER: Final = "user.id"
SESSION: Final = "session.id"
CONVERSATION: Final = "gen_ai.conversation.id"

# --- what was lost on the way -----------------------------------------------------------------------------------------
SEQ: Final = "breakeven.seq"
"""1, 2, 3, … over the LLM spans that ended in one process: a gap is a span lost between application and collector."""
SEQ_SOURCE: Final = "breakeven.seq.source"
"""Random id of the process that counts; a forked child draws its own."""

# --- what a call used beside tokens -----------------------------------------------------------------------------------
METER_PREFIX: Final = "breakeven.meter."
"""`breakeven.meter.<name>` = quantity (int or float): web_search, code_execution, audio_second, image, page, …"""

# --- marks ------------------------------------------------------------------------------------------------------------
WRAPPER: Final = "breakeven.wrapper"
"""True on a span that repeats the usage of spans below it; it is never counted."""
RETRY: Final = "breakeven.retry"
"""True on a call that repeats an earlier attempt; it is billed as any other."""
ESTIMATED_INPUT_TOKENS: Final = "breakeven.estimated.input_tokens"
ESTIMATED_OUTPUT_TOKENS: Final = "breakeven.estimated.output_tokens"
"""tiktoken's count of the messages; what the provider's would be is learned from calls that have both."""
ESTIMATED_INCOMPLETE: Final = "breakeven.estimated.incomplete"
"""True if there was more than text (images, audio, files), which the estimate leaves out."""
CAPTURE: Final = "breakeven.capture"
"""True if the feature opted in to having prompts and answers sent; the SDK drops them otherwise."""
SHADOW_OF: Final = "breakeven.shadow.of"
"""Span id (hex) of the call that this one repeats in the shadow."""

# --- OpenTelemetry GenAI ----------------------------------------------------------------------------------------------
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
"""All input tokens, cached ones included."""
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
"""All output tokens, reasoning included."""
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
CACHE_WRITE_1H_TOKENS: Final = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
COST_USD: Final = "gen_ai.usage.cost.amount"
"""What the provider or gateway itself said the call cost, in USD; it wins over the price book."""
SERVICE_TIER: Final = "openai.response.service_tier"
"""Tier that served the call (`priority`, `flex`, `batch`, …); names a rate of its own in the price book."""
SPEED: Final = "anthropic.response.speed"
"""Speed that served the call (`fast`), where it changes the price."""
ERROR_TYPE: Final = "error.type"
STREAM: Final = "gen_ai.request.stream"
