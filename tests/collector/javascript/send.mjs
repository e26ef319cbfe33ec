// Sends five spans with each of OpenTelemetry's three exporters, as services json, json-gzip, proto, proto-gzip, grpc, ….
import { OTLPTraceExporter as Grpc } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as Json } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as Proto } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const [, , http, grpc, prefix] = process.argv;
const url = `${http}/v1/traces`;
const exporters = {
  json: new Json({ url }),
  "json-gzip": new Json({ url, compression: "gzip" }),
  proto: new Proto({ url }),
  "proto-gzip": new Proto({ url, compression: "gzip" }),
  grpc: new Grpc({ url: `http://${grpc}` }),
  "grpc-gzip": new Grpc({ url: `http://${grpc}`, compression: "gzip" }),
};

for (const [name, exporter] of Object.entries(exporters)) {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": `${prefix}-${name}` }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer("tests");
  for (let n = 0; n < 5; n++) {
    tracer
      .startSpan("chat gpt-4o", {
        attributes: {
          "gen_ai.operation.name": "chat",
          "gen_ai.usage.input_tokens": 10,
          "gen_ai.usage.output_tokens": n,
        },
      })
      .end();
  }
  await provider.forceFlush();
  await provider.shutdown();
}
