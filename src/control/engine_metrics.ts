// The engine's counters (native/counters.h) as metrics: one line a counter, in the names and units of
// OpenMetrics.

/** A counter's totals, or a gauge's values. Names end in their unit; `_total` is the exposition's. */
export interface EngineMetric {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  /** Counters named `key.value` become one metric with this label; `key.a/b` with several. */
  labels: string[];
}

const counter = (name: string, help: string, ...labels: string[]): EngineMetric => ({
  name: `sealgate_${name}`,
  help,
  type: 'counter',
  labels,
});
const gauge = (name: string, help: string, ...labels: string[]): EngineMetric => ({
  ...counter(name, help, ...labels),
  type: 'gauge',
});

const suiteLabels = ['protocol', 'cipher', 'direction', 'by'];

/** By the engine's name, up to the dot. */
export const engineMetrics: Record<string, EngineMetric> = {
  accepted: counter('connections_accepted', 'Connections accepted.'),
  connections: gauge('connections', 'Open connections by what they are doing.', 'state'),
  handshakes: counter('tls_handshakes', 'TLS handshakes completed.'),
  handshakes_resumed: counter('tls_handshakes_resumed', 'TLS handshakes that resumed a session.'),
  handshakes_failed: counter('tls_handshakes_failed', 'TLS handshakes that failed.'),
  requests: counter('requests', 'Request heads parsed.'),
  responses: counter('responses', 'Responses sent, by the path their bytes took.', 'path'),
  bytes: counter('sent_bytes', 'Bytes of heads and bodies before TLS, by the path they took.', 'path'),
  fallback: counter('ktls_fallbacks', 'Connections that the kernel did not send for, by reason.', 'reason'),
  fallback_rx: counter(
    'ktls_receive_fallbacks',
    'Connections that the kernel did not receive for, by reason.',
    'reason',
  ),
  ktls_switched: counter('ktls_connections', 'Connections whose sending moved to kernel TLS.'),
  ktls_switched_rx: counter('ktls_receive_connections', 'Connections whose receiving did.'),
  errors: counter('channel_errors', 'What ended connections early, by class.', 'class'),
  key_updates_received: counter('tls_key_updates_received', 'KeyUpdate messages of clients.'),
  key_updates_sent: counter('tls_key_updates_sent', 'KeyUpdate messages that Sealgate sent.'),
  plan_hits: counter('plan_cache_hits', 'Requests answered from a kept plan, without the front end.'),
  plan_misses: counter('plan_cache_misses', 'Requests that the front end was asked about.'),
  plan_stale: counter('plan_cache_stale', 'Kept plans found stale.'),
  plan_entries: gauge('plan_cache_entries', 'Plans kept.'),
  plan_bytes: gauge('plan_cache_bytes', 'Bytes of plans and small bodies kept.'),
  received_bytes: counter('received_bytes', 'Bytes of request bodies.'),
  uploads: counter('uploads', 'Request bodies received whole.'),
  uploads_aborted: counter('uploads_aborted', 'Request bodies given up.'),
  problems: counter('problems', 'Refusals, by problem.', 'problem'),
  seal_broken: counter('seal_breaks', 'Deliveries stopped because a sealed file had changed.'),
  cold_reads: counter('cold_reads', 'File pieces read aside because they were not in the page cache.'),
  tls_connections: counter(
    'tls_connections',
    'TLS connections by what was negotiated and who had the record layer, at any time, in each direction.',
    ...suiteLabels,
  ),
  tls_bytes: counter('tls_bytes', 'Application data by TLS, likewise.', ...suiteLabels),
  access_log_dropped: counter('access_log_dropped_lines', 'Lines the disk did not take in time.'),
  write_stalls: counter('write_stalls', 'Connections cut because the client stopped reading.'),
};

/** Label values that say nothing: not a problem, not a fallback, not open any more. */
const silent = new Set([
  'problems.none',
  'problems.',
  'fallback.none',
  'fallback_rx.none',
  'connections.closed',
]);

export function splitCounter(name: string): { key: string; value?: string } | undefined {
  if (silent.has(name)) return undefined;
  const dot = name.indexOf('.');
  return dot < 0 ? { key: name } : { key: name.slice(0, dot), value: name.slice(dot + 1) };
}
