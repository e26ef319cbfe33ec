// BREAKEVEN_ENDPOINT=http://127.0.0.1:4318 npm start
import { SpanKind, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { FeatureSpanProcessor, feature } from "./feature.ts";

const endpoint = process.env.BREAKEVEN_ENDPOINT ?? "http://127.0.0.1:4318";
const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` });
const provider = new NodeTracerProvider({ spanProcessors: [new FeatureSpanProcessor(), new BatchSpanProcessor(exporter)] });
provider.register();

// An OpenTelemetry instrumentation of your LLM client makes such spans by itself.
async function callModel() {
  const span = trace.getTracer("example").startSpan("chat gpt-4o-mini", { kind: SpanKind.CLIENT });
  await new Promise((resolve) => setTimeout(resolve, 10));
  span.setAttributes({
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.id": `chatcmpl-${crypto.randomUUID()}`,
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 80,
  });
  span.end();
}

await feature("ticket-triage", async () => {
  await callModel();
  await feature("summarise", callModel);
}, { "breakeven.tenant": "acme" });
await provider.shutdown();
