import { context, createContextKey, type Context } from "@opentelemetry/api";
import type { Span, SpanProcessor } from "@opentelemetry/sdk-trace-node";

const KEY = createContextKey("breakeven");

/** Bill the LLM calls made in `run` to `name`; inside another feature they are a step of that one. */
export function feature<T>(name: string, run: () => T, labels: Record<string, string> = {}): T {
  const outer = context.active().getValue(KEY) as Record<string, string> | undefined;
  const task = outer?.["breakeven.task"] ? `${outer["breakeven.task"]} › ${name}` : name;
  const own = outer ? { "breakeven.task": task } : { "breakeven.feature": name, "breakeven.run": crypto.randomUUID() };
  return context.with(context.active().setValue(KEY, { ...outer, ...own, ...labels }), run);
}

/** Writes the feature on every span; put it into `spanProcessors` of the tracer provider. */
export class FeatureSpanProcessor implements SpanProcessor {
  onStart = (span: Span, parent: Context) => void span.setAttributes((parent.getValue(KEY) as object | undefined) ?? {});
  onEnd = () => {};
  forceFlush = async () => {};
  shutdown = async () => {};
}
