// The engine's counters (native/server/counters.h) as OpenMetrics metrics: one entry per counter.

import { counter, type EngineMetric, gauge, nanoseconds } from './metric.ts';
import { uploadMetrics } from './upload_metrics.ts';

const suiteLabels = ['protocol', 'cipher', 'direction', 'by'];
const httpLabels = ['status', 'method', 'delivery'];
const sentLabels = ['delivery', 'protocol', 'cipher', 'seal'];

/** The metric of each counter, by the engine's name up to the dot. */
export const engineMetrics: Record<string, EngineMetric> = {
  accepted: counter('connections_accepted', 'Connections accepted.'),
  displaced: counter(
    'connections_displaced',
    'Connections cut at limits.connections, to make room for clients with few connections.',
  ),
  turned_away: counter(
    'connections_turned_away',
    'Connections closed unserved at limits.connections: their client held too many, or waited in vain.',
  ),
  over_limit: counter(
    'connections_over_limit',
    'Connections closed before a handshake, as their client had as many as rateLimits allow.',
  ),
  connections: gauge('connections', 'Open connections by state.', 'state'),
  rate_limited: counter(
    'rate_limited',
    'Requests refused with 429 by a limit of rateLimits, of requests or bytes, by what it counts together.',
    'of',
    'by',
  ),
  proxy_headers: counter(
    'proxy_headers',
    'Connections of listeners with proxyProtocol, by what came of their PROXY header.',
    'outcome',
  ),
  handshakes: counter('tls_handshakes', 'TLS handshakes completed.'),
  handshakes_resumed: counter('tls_handshakes_resumed', 'TLS handshakes that resumed a session.'),
  handshakes_failed: counter('tls_handshakes_failed', 'TLS handshakes that failed.'),
  requests: counter('requests', 'Request heads parsed.'),
  responses: counter(
    'responses',
    'Responses by delivery path, TLS protocol, cipher, and seal level of the content.',
    ...sentLabels,
  ),
  http_responses: counter(
    'http_responses',
    'Complete responses by status class, method and delivery path, without those to the sentinel.',
    ...httpLabels,
  ),
  bytes: counter(
    'sent_bytes',
    'Bytes of heads and bodies sent, before TLS, by the same labels as responses.',
    ...sentLabels,
  ),
  cpu: {
    ...counter(
      'cpu_seconds',
      'Sampled CPU time of delivery threads, by delivery path, or for handshake or receive.',
      'delivery',
    ),
    scale: nanoseconds,
  },
  fallback: counter('ktls_fallbacks', 'Connections whose sending stayed in userspace, by reason.', 'reason'),
  fallback_rx: counter(
    'ktls_receive_fallbacks',
    'Connections whose receiving stayed in userspace, by reason.',
    'reason',
  ),
  ktls_switched: counter('ktls_connections', 'Connections whose sending moved to kernel TLS.'),
  ktls_switched_rx: counter('ktls_receive_connections', 'Connections whose receiving moved to kernel TLS.'),
  ktls_mode: counter(
    'ktls_keys',
    'TLS keys installed in the kernel, by direction and by who uses them: software or device.',
    'direction',
    'mode',
  ),
  offload_asked: counter('ktls_offload_asked', 'Keys installed in the kernel in phase hw-offload.'),
  offload_unasked: counter(
    'ktls_offload_unasked',
    'Keys that a network device took outside phase hw-offload.',
  ),
  group_connections: counter('group_connections', 'TLS connections by rollout group.', 'group'),
  group_responses: counter('group_responses', 'Responses over TLS by rollout group.', 'group'),
  group_bytes: counter(
    'group_sent_bytes',
    'Bytes of heads and bodies sent, before TLS, by rollout group.',
    'group',
  ),
  group_cpu: {
    ...counter('group_cpu_seconds', 'Sampled CPU time of delivery threads, without handshakes.', 'group'),
    scale: nanoseconds,
  },
  group_moved: counter(
    'group_moved_connections',
    'Connections with at least one direction in kernel TLS.',
    'group',
  ),
  group_received: counter(
    'group_received_bytes',
    'Bytes of request bodies received, by rollout group.',
    'group',
  ),
  group_kernel_bytes: counter(
    'group_kernel_bytes',
    'Bytes of application data that the kernel encrypted or decrypted.',
    'group',
  ),
  group_cut: counter(
    'group_cut_responses',
    'Responses that ended before their last byte, by who ended them: server or client.',
    'group',
    'by',
  ),
  group_errors: counter(
    'group_channel_errors',
    'Errors that ended connections early. by="client": the client left; the guard ignores those.',
    'group',
    'by',
    'class',
  ),
  movable_connections: counter(
    'group_movable_connections',
    'Connections with a transfer that kernel TLS could take; the guard compares only these.',
    'group',
  ),
  movable_responses: counter(
    'group_movable_responses',
    'Responses on connections of sealgate_group_movable_connections.',
    'group',
  ),
  movable_bytes: counter('group_movable_sent_bytes', 'Bytes of those responses, before TLS.', 'group'),
  errors: counter('channel_errors', 'Errors that ended connections early, by class.', 'class'),
  zero_copy_connections: counter(
    'ktls_zero_copy_connections',
    'Connections on which a device may read files in place (TLS_TX_ZEROCOPY_RO).',
  ),
  zero_copy_bytes: counter('ktls_zero_copy_bytes', 'Bytes of files given to sendfile on those connections.'),
  key_updates_received: counter('tls_key_updates_received', 'TLS 1.3 KeyUpdate messages received.'),
  key_updates_sent: counter('tls_key_updates_sent', 'TLS 1.3 KeyUpdate messages sent.'),
  plan_hits: counter(
    'plan_cache_hits',
    'Requests answered from a kept plan, without asking the application.',
  ),
  plan_misses: counter('plan_cache_misses', 'Requests passed to the application.'),
  plan_stale: counter('plan_cache_stale', 'Requests whose kept plan was stale.'),
  plan_entries: gauge('plan_cache_entries', 'Plans kept.'),
  plan_bytes: gauge('plan_cache_bytes', 'Bytes of kept plans and small bodies.'),
  received_bytes: counter('received_bytes', 'Bytes of request bodies received.'),
  uploads: counter('uploads', 'Request bodies received completely.'),
  uploads_aborted: counter('uploads_aborted', 'Request bodies that the server stopped receiving.'),
  uploads_lost: counter('uploads_lost', 'Request bodies cut off because the client went away.'),
  uploads_displaced: counter(
    'uploads_displaced',
    'Request bodies cut off at limits.connections, to make room for clients with few connections.',
  ),
  body_memory: gauge(
    'body_memory_bytes',
    'Memory held for request bodies that the application reads as a whole, in all workers together.',
  ),
  body_memory_limit: gauge(
    'body_memory_limit_bytes',
    'Most that sealgate_body_memory_bytes may be; a body without room is refused with 503.',
  ),
  problems: counter('problems', 'Refused requests, by problem.', 'problem'),
  seal_broken: counter('seal_breaks', 'Deliveries stopped because a sealed file had changed.'),
  opens: counter('blobs_opened', 'Blobs opened to be delivered, by the seal level that was proved.', 'level'),
  seals_given: counter(
    'seals_given',
    'Blobs sealed when they were stored or proved anew, by level.',
    'level',
  ),
  seals_lowered: counter('seals_lowered', 'Blobs that were sealed at a lower level than was asked for.'),
  blobs_withdrawn: counter(
    'blobs_withdrawn',
    'Blobs that failed their proof and are no longer served, by reason.',
    'reason',
  ),
  scrub_blobs: counter('scrub_blobs', 'Blobs that the scrubber has gone by.'),
  scrub_bytes: counter('scrub_read_bytes', 'Bytes of blobs that the scrubber has read and hashed.'),
  scrub_findings: counter('scrub_findings', 'What the scrubber found, by state.', 'state'),
  scrub_standing: gauge(
    'scrub_standing_faults',
    'Faults of the last or present pass that nobody has mended since, by state.',
    'state',
  ),
  scrub_progress: gauge('scrub_progress_ratio', 'Share of the pass under way that is done, 0 to 1.'),
  scrub_ended: gauge(
    'scrub_last_pass_timestamp_seconds',
    'When the last whole pass ended, seconds since the epoch; 0: none has.',
  ),
  scrub_late: gauge('scrub_late', '1: a pass takes longer than scrub.periodDays.'),
  quarantine_files: gauge('quarantine_files', 'Files in quarantine.'),
  quarantine_bytes: gauge('quarantine_bytes', 'Bytes of the files in quarantine.'),
  quarantine_limit: gauge('quarantine_limit_bytes', 'scrub.quarantineBytes.'),
  journal_bytes: gauge('journal_bytes', "Bytes of the store's journal."),
  journal_compactions: counter('journal_compactions', 'Times the journal was written anew.', 'outcome'),
  journal_held: {
    ...counter('journal_held_seconds', 'Time that commits waited for a change of the journal.'),
    scale: nanoseconds,
  },
  expired_names: counter('expired_names', 'Names that were made deleted because their time was over.'),
  codings: counter(
    'codings',
    'Content codings of blobs that were asked for: made, useless as they save too little, or failed.',
    'outcome',
  ),
  codings_waiting: gauge('codings_waiting', 'Content codings that are to be made.'),
  coded_bytes: counter('coded_bytes', 'Bytes of blobs before and after they were coded.', 'when'),
  collected_versions: counter('collected_versions', 'Older versions of names that were removed.'),
  collected_blobs: counter('collected_blobs', 'Blobs that nothing kept and that were removed.'),
  collected_bytes: counter('collected_bytes', 'Bytes of these blobs, which no worker has open any more.'),
  collection_faults: counter(
    'collection_faults',
    'Rounds of collection that failed, and blobs that could not be removed.',
  ),
  collection_waiting: gauge(
    'collection_waiting_bytes',
    'Bytes of versions that the next rounds may collect, as the last one found.',
  ),
  cold_opens: counter('cold_opens', 'Blobs opened by an I/O thread because their inodes were not in memory.'),
  cold_reads: counter(
    'cold_reads',
    'File ranges read by an I/O thread because they were not in the page cache.',
  ),
  tls_connections: counter(
    'tls_connections',
    'TLS connections by suite, direction and owner of the records: openssl, engine or kernel.',
    ...suiteLabels,
  ),
  tls_bytes: counter('tls_bytes', 'Bytes of application data over TLS, by the same labels.', ...suiteLabels),
  access_log_dropped: counter('access_log_dropped_lines', 'Access log lines that could not be written.'),
  access_log_waiting: gauge('access_log_waiting_bytes', 'Bytes of access log lines that wait to be written.'),
  access_log_stalled: gauge(
    'access_log_stalled_seconds',
    'Seconds since a line of the access log was written, while lines wait.',
  ),
  access_log_failing: gauge('access_log_failing', '1: the last write to the access log failed.'),
  log_dropped: counter('log_dropped_lines', 'Lines of the server’s own log that could not be written.'),
  tokens_file_broken: gauge(
    'tokens_file_broken',
    '1: the token file cannot be read; the tokens read before stay valid.',
  ),
  signing_keys_broken: gauge(
    'signing_keys_broken',
    'Files of signing keys that cannot be read; where one is still there, the key read before stays valid.',
  ),
  purges_waiting: gauge('purges_waiting', 'Changed names that a purge hook has not been told of.', 'hook'),
  purges_oldest: gauge('purges_oldest_seconds', 'How long the oldest of them has waited.', 'hook'),
  purges_sent: counter('purges_sent', 'Requests that were taken by the receiver of a purge hook.', 'hook'),
  purge_failures: counter('purge_failures', 'Attempts of a purge hook that failed.', 'hook'),
  purges_failing: gauge('purges_failing', '1: the last attempt of a purge hook failed.', 'hook'),
  ...uploadMetrics,
  write_stalls: counter('write_stalls', 'Connections cut because the client stopped reading.'),
  http2_connections: counter('http2_connections', 'Connections on which HTTP/2 was spoken.'),
  http2_requests: counter('http2_requests', 'Of the requests, those over HTTP/2.'),
  http2_resets: counter('http2_resets', 'Streams of HTTP/2 that either side has reset.'),
  http2_aborts: counter('http2_aborts', 'Connections of HTTP/2 ended for a fault or flood of the client.'),
};

/** Counters that are not exported, since their label means "no problem", "no fallback" or "not open". */
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
  /** Factor from the engine's unit to the metric's unit. */
  scale: number;
  /** Upper bounds of the buckets, inclusive, in the metric's unit. */
  bounds: number[];
  /** No `_sum` is exported, because the engine counts sizes by class only. */
  sumless?: boolean;
}

/** Bounds from 64 µs to 67 s, in seconds, each twice the one before. The engine's are four times finer. */
const ofTime = { scale: 1e-6, bounds: Array.from({ length: 21 }, (_, index) => 64e-6 * 2 ** index) };
/** Bounds from 4 KiB on, each four times the one before, in bytes. `less` is subtracted from each. */
const ofSize = (buckets: number, less: number) => ({
  scale: 1,
  bounds: Array.from({ length: buckets }, (_, index) => 4096 * 4 ** index - less),
});

/** The metric of each histogram, by the engine's name up to the dot. Sums have the suffix `_sum` there. */
export const engineHistograms: Record<string, HistogramMetric> = {
  handshake_time: {
    name: 'sealgate_tls_handshake_seconds',
    help: 'Time from accept to the end of the TLS handshake.',
    labels: [],
    ...ofTime,
  },
  application_time: {
    name: 'sealgate_application_latency_seconds',
    help: 'Time from the complete request head to the application’s plan.',
    labels: [],
    ...ofTime,
  },
  group_first_byte: {
    name: 'sealgate_first_byte_seconds',
    help: 'Time from the end of the request, with its body, until the kernel took the first byte, by group.',
    labels: ['group'],
    ...ofTime,
  },
  group_completion: {
    name: 'sealgate_completion_seconds',
    help: 'Time from the complete request head until the kernel took the last byte, by rollout group.',
    labels: ['group'],
    ...ofTime,
  },
  first_byte: {
    name: 'sealgate_response_first_byte_seconds',
    help: 'Time from the complete request, with its body, until the kernel took the first byte, by delivery.',
    labels: ['delivery', 'size'],
    ...ofTime,
  },
  completion: {
    name: 'sealgate_response_completion_seconds',
    help: 'Time from the complete request head until the kernel took the last byte, by delivery and size.',
    labels: ['delivery', 'size'],
    ...ofTime,
  },
  upload_size: {
    name: 'sealgate_request_size_bytes',
    help: 'Sizes of request bodies that were received completely.',
    labels: [],
    ...ofSize(12, 0),
  },
  response_size: {
    name: 'sealgate_response_size_bytes',
    help: 'Sizes of complete responses including heads, by delivery path.',
    labels: ['delivery'],
    // OpenMetrics bounds are inclusive, but the engine's size classes exclude their upper end: hence 1 less.
    ...ofSize(7, 1),
    sumless: true,
  },
};

export function splitCounter(name: string): { key: string; value?: string } | undefined {
  if (silent.has(name)) return undefined;
  const dot = name.indexOf('.');
  return dot < 0 ? { key: name } : { key: name.slice(0, dot), value: name.slice(dot + 1) };
}
