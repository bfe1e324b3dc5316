// The engine's counters (native/server/counters.h) as metrics: one line a counter, in the names and units of
// OpenMetrics.

/** A counter's totals, or a gauge's values. Names end in their unit; `_total` is the exposition's. */
export interface EngineMetric {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  /** Counters named `key.value` become one metric with this label; `key.a/b` with several. */
  labels: string[];
  /** What the engine's unit is of the metric's. */
  scale: number;
}

const counter = (name: string, help: string, ...labels: string[]): EngineMetric => ({
  name: `sealgate_${name}`,
  help,
  type: 'counter',
  labels,
  scale: 1,
});
const nanoseconds = 1e-9;
const gauge = (name: string, help: string, ...labels: string[]): EngineMetric => ({
  ...counter(name, help, ...labels),
  type: 'gauge',
});

const suiteLabels = ['protocol', 'cipher', 'direction', 'by'];
const httpLabels = ['status', 'method', 'delivery'];
const sentLabels = ['path', 'protocol', 'cipher', 'seal'];

/** By the engine's name, up to the dot. */
export const engineMetrics: Record<string, EngineMetric> = {
  accepted: counter('connections_accepted', 'Connections accepted.'),
  displaced: counter(
    'connections_displaced',
    'Connections ended because limits.connections was reached, their client held many, and another few.',
  ),
  turned_away: counter(
    'connections_turned_away',
    'Connections ended unserved because limits.connections was reached and their client held many.',
  ),
  connections: gauge('connections', 'Open connections by what they are doing.', 'state'),
  handshakes: counter('tls_handshakes', 'TLS handshakes completed.'),
  handshakes_resumed: counter('tls_handshakes_resumed', 'TLS handshakes that resumed a session.'),
  handshakes_failed: counter('tls_handshakes_failed', 'TLS handshakes that failed.'),
  requests: counter('requests', 'Request heads parsed.'),
  responses: counter(
    'responses',
    'Responses sent, by the path their bytes took, what protected them and how their content was sealed.',
    ...sentLabels,
  ),
  http_responses: counter(
    'http_responses',
    'Responses that left whole, without the sentinel’s: class of status, method, how their bytes left.',
    ...httpLabels,
  ),
  bytes: counter('sent_bytes', 'Bytes of heads and bodies before TLS, likewise.', ...sentLabels),
  cpu: {
    ...counter(
      'cpu_seconds',
      'CPU of delivery threads by what they did: a path of responses, handshake, receive. From samples.',
      'path',
    ),
    scale: nanoseconds,
  },
  fallback: counter('ktls_fallbacks', 'Connections that the kernel did not send for, by reason.', 'reason'),
  fallback_rx: counter(
    'ktls_receive_fallbacks',
    'Connections that the kernel did not receive for, by reason.',
    'reason',
  ),
  ktls_switched: counter('ktls_connections', 'Connections whose sending moved to kernel TLS.'),
  ktls_switched_rx: counter('ktls_receive_connections', 'Connections whose receiving did.'),
  ktls_mode: counter(
    'ktls_keys',
    'Keys given to the kernel, by who took them: software, or a network device.',
    'direction',
    'mode',
  ),
  offload_asked: counter('ktls_offload_asked', 'Keys given while a device was allowed to take them.'),
  offload_unasked: counter(
    'ktls_offload_unasked',
    'Keys a device took though the rollout does not allow it.',
  ),
  group_connections: counter('group_connections', 'TLS connections, by group of the rollout.', 'group'),
  group_responses: counter('group_responses', 'Responses over TLS, by group.', 'group'),
  group_bytes: counter('group_sent_bytes', 'Bytes of heads and bodies before TLS, by group.', 'group'),
  group_cpu: {
    ...counter('group_cpu_seconds', 'CPU of delivery threads without handshakes; from samples.', 'group'),
    scale: nanoseconds,
  },
  group_moved: counter(
    'group_moved_connections',
    'Connections of which the kernel took a direction.',
    'group',
  ),
  group_received: counter('group_received_bytes', 'Bytes of request bodies, by group.', 'group'),
  group_kernel_bytes: counter(
    'group_kernel_bytes',
    'Application data that the kernel encrypted or decrypted, by group.',
    'group',
  ),
  group_cut: counter(
    'group_cut_responses',
    'Responses that ended before their last byte, by who ended them: server, or client.',
    'group',
    'by',
  ),
  group_errors: counter(
    'group_channel_errors',
    'What ended connections early. By client: it left, which the guard does not judge by.',
    'group',
    'by',
    'class',
  ),
  movable_connections: counter(
    'group_movable_connections',
    'Connections with a transfer that the kernel could take, in the rollout or not: what the guard compares.',
    'group',
  ),
  movable_responses: counter('group_movable_responses', 'Responses of movable connections.', 'group'),
  movable_bytes: counter('group_movable_sent_bytes', 'Bytes of these responses before TLS.', 'group'),
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
  uploads_lost: counter('uploads_lost', 'Request bodies whose client was gone before they had come.'),
  problems: counter('problems', 'Refusals, by problem.', 'problem'),
  seal_broken: counter('seal_breaks', 'Deliveries stopped because a sealed file had changed.'),
  cold_opens: counter('cold_opens', 'Blobs opened aside because their inodes were not in memory.'),
  cold_reads: counter('cold_reads', 'File pieces read aside because they were not in the page cache.'),
  tls_connections: counter(
    'tls_connections',
    'TLS connections by what was negotiated and who had the record layer, at any time, in each direction.',
    ...suiteLabels,
  ),
  tls_bytes: counter('tls_bytes', 'Application data by TLS, likewise.', ...suiteLabels),
  access_log_dropped: counter('access_log_dropped_lines', 'Lines of the access log that were lost.'),
  access_log_waiting: gauge('access_log_waiting_bytes', 'Lines of the access log not written yet.'),
  access_log_failing: gauge('access_log_failing', '1: the access log could not be written the last time.'),
  log_dropped: counter('log_dropped_lines', 'Lines of the server’s own log that were lost.'),
  tokens_file_broken: gauge('tokens_file_broken', '1: the token file cannot be read; those known stay.'),
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

export interface HistogramMetric {
  name: string;
  help: string;
  labels: string[];
  /** What the engine's unit is of the metric's. */
  scale: number;
  /** Upper bounds of the buckets, inclusive, in the metric's unit. */
  bounds: number[];
  /** The engine knows sizes by class only. */
  sumless?: boolean;
}

/** Seconds: 64 µs to 67 s, twice as much each. The engine's own buckets are four times finer. */
const ofTime = { scale: 1e-6, bounds: Array.from({ length: 21 }, (_, index) => 64e-6 * 2 ** index) };
/** Bytes: from 4 KiB, four times as much each. */
const ofSize = (buckets: number, less: number) => ({
  scale: 1,
  bounds: Array.from({ length: buckets }, (_, index) => 4096 * 4 ** index - less),
});

/** By the engine's name, up to the dot; its sums are under the same name with `_sum`. */
export const engineHistograms: Record<string, HistogramMetric> = {
  handshake_time: {
    name: 'sealgate_tls_handshake_seconds',
    help: 'From accept to the end of the TLS handshake.',
    labels: [],
    ...ofTime,
  },
  front_end_time: {
    name: 'sealgate_front_end_latency_seconds',
    help: 'From the complete request head to the front end’s answer.',
    labels: [],
    ...ofTime,
  },
  group_first_byte: {
    name: 'sealgate_first_byte_seconds',
    help: 'From the complete request head until the first byte was handed to the kernel.',
    labels: ['group'],
    ...ofTime,
  },
  group_completion: {
    name: 'sealgate_completion_seconds',
    help: 'And until the last byte was.',
    labels: ['group'],
    ...ofTime,
  },
  first_byte: {
    name: 'sealgate_response_first_byte_seconds',
    help: 'The same by the path that the bytes took and the size of the response.',
    labels: ['path', 'size'],
    ...ofTime,
  },
  completion: {
    name: 'sealgate_response_completion_seconds',
    help: 'From the complete request head until the last byte was handed to the kernel, by path and size.',
    labels: ['path', 'size'],
    ...ofTime,
  },
  upload_size: {
    name: 'sealgate_request_size_bytes',
    help: 'Bodies of requests that were received whole.',
    labels: [],
    ...ofSize(12, 0),
  },
  response_size: {
    name: 'sealgate_response_size_bytes',
    help: 'Responses that left whole, heads included, by how their bytes left.',
    labels: ['delivery'],
    // The engine's classes end before the next begins.
    ...ofSize(7, 1),
    sumless: true,
  },
};

export function splitCounter(name: string): { key: string; value?: string } | undefined {
  if (silent.has(name)) return undefined;
  const dot = name.indexOf('.');
  return dot < 0 ? { key: name } : { key: name.slice(0, dot), value: name.slice(dot + 1) };
}
