// Metrics of the collection of shared stores (src/server/shared_collector.ts), by the counters' names.

import { counter, type EngineMetric, gauge } from './metric.ts';

export const sharedCollectionMetrics: Record<string, EngineMetric> = {
  shared_collections: counter(
    'shared_collections',
    'Rounds of collection of a shared store that this server made: ended, or failed.',
    'upstream',
    'outcome',
  ),
  shared_collected_blobs: counter(
    'shared_collected_blobs',
    'Blobs that no record named and that this server removed from a shared store.',
    'upstream',
  ),
  shared_collected_bytes: counter('shared_collected_bytes', 'Bytes of these blobs.', 'upstream'),
  shared_collection_spared: counter(
    'shared_collection_spared_blobs',
    'Blobs that no record named, and that a writer counted on before they were removed.',
    'upstream',
  ),
  shared_collection_faults: counter(
    'shared_collection_faults',
    'Blobs of a shared store that could not be removed; the next rounds try again.',
    'upstream',
  ),
  shared_collection_waiting: gauge(
    'shared_collection_waiting_bytes',
    'Bytes that no record names and that later rounds may remove, as the last round of this server found.',
    'upstream',
  ),
  shared_collection_ended: {
    ...gauge(
      'shared_collection_timestamp_seconds',
      'When the last round of this server ended, in seconds since 1970.',
      'upstream',
    ),
    scale: 1e-3,
  },
};
