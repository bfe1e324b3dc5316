// Metrics of upstreams (src/upstream/upstream.ts), by the counters' names up to the dot.

import { counter, type EngineMetric, gauge } from './metric.ts';

/** From milliseconds to seconds. */
const milliseconds = 1e-3;

export const upstreamMetrics: Record<string, EngineMetric> = {
  upstream_fetches: counter(
    'upstream_fetches',
    'Fetches by what came of them: whole, described, not-modified, absent, answered, or a fault.',
    'upstream',
    'outcome',
  ),
  upstream_bytes: counter('upstream_received_bytes', 'Bytes of bodies that upstreams sent.', 'upstream'),
  upstream_seconds: {
    ...counter('upstream_fetch_seconds', 'Time that fetches took, from their turn to their end.', 'upstream'),
    scale: milliseconds,
  },
  upstream_mismatches: counter(
    'upstream_digest_mismatches',
    'Bodies that had another digest than was promised: their readers were cut, and nothing was kept.',
    'upstream',
  ),
  upstream_under_way: gauge('upstream_fetches_under_way', 'Fetches under way.', 'upstream'),
  upstream_waiting: gauge('upstream_fetches_waiting', 'Fetches that wait for their turn.', 'upstream'),
  upstream_circuit_open: gauge(
    'upstream_circuit_open',
    '1: the upstream failed several times in a row and is left alone for a while.',
    'upstream',
  ),
  upstream_changed_versions: counter(
    'upstream_changed_versions',
    'Published versions of packages that an upstream lists with other digests than before: an alarm.',
  ),
  upstream_joined: counter(
    'upstream_joined_requests',
    'Requests that were answered by a fetch which another one had begun.',
  ),
  mirror_evicted_objects: counter(
    'mirror_evicted_objects',
    'Objects of mirrors that were evicted to make room, or since nobody used them.',
    'bucket',
  ),
  mirror_evicted_bytes: counter('mirror_evicted_bytes', 'Their bytes, with older versions.', 'bucket'),
  mirror_passed: counter(
    'mirror_passed_objects',
    'Objects that reached those who asked and were not kept, as there was no room for them.',
    'bucket',
  ),
  mirror_most_bytes: gauge('mirror_max_bytes', 'Bytes that the bucket of a mirror keeps at most.', 'bucket'),
};
