// Sends one span and one log event with the exporters named on the command line.
import { createRequire } from 'node:module';
const require = createRequire(process.argv[2] + '/');
const [, , , port, compression] = process.argv;
const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
const proto = require('@opentelemetry/exporter-trace-otlp-proto');
const logs = require('@opentelemetry/sdk-logs');
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base');

const to = (signal) => ({ url: `http://127.0.0.1:${port}/v1/${signal}`, compression, timeoutMillis: 20000 });
const kept = new logs.InMemoryLogRecordExporter();
const provider = new logs.LoggerProvider({ processors: [processorOf(kept)] });
provider.getLogger('claude_code').emit({
  body: 'claude_code.tool_result',
  attributes: {
    'event.name': 'tool_result', 'session.id': 's-js', tool_name: 'Read', tool_use_id: 'toolu_js_log',
    success: 'true', duration_ms: '12',
  },
});
const spans = new InMemorySpanExporter();
const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
tracing.getTracer('swarm').startSpan('execute_tool Read', {
  attributes: {
    'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'Read', 'gen_ai.conversation.id': 's-span',
    'gen_ai.tool.call.id': 'toolu_js_span',
  },
}).end();

function processorOf(exporter) {
  try { return new logs.SimpleLogRecordProcessor({ exporter }); } catch { return new logs.SimpleLogRecordProcessor(exporter); }
}
const send = (exporter, items) => new Promise((done) => exporter.export(items, (result) => done(result)));
const results = [
  await send(new OTLPLogExporter(to('logs')), kept.getFinishedLogRecords()),
  await send(new OTLPTraceExporter(to('traces')), spans.getFinishedSpans()),
  await send(new proto.OTLPTraceExporter(to('traces')), spans.getFinishedSpans()),
];
console.log(JSON.stringify(results.map((one) => [one.code, String(one.error?.message ?? 'ok')])));
process.exit(0);
