// What is told of uploads that are read or waited for while they arrive, and of those that come in several
// requests.

import { counter, gauge } from './metric.ts';

export const uploadMetrics = {
  growing_reads: counter('growing_reads', 'Responses that followed an upload which was still arriving.'),
  growing_cut: counter('growing_reads_cut', 'Of these, those that were cut because the upload failed.'),
  waits: counter('waits', 'Requests that waited with others for an answer which was not there yet.'),
  waits_in_vain: counter('waits_in_vain', 'Of these, those that waited for as long as clients do.'),
  waiting: gauge('waiting_requests', 'Requests that wait for an answer which is not there yet.'),
  resumable_uploads: gauge('resumable_uploads', 'Uploads in several requests that are not whole yet.'),
  resumable_upload_bytes: gauge('resumable_upload_bytes', 'Bytes that have come of these.'),
  resumable_uploads_expired: counter(
    'resumable_uploads_expired',
    'Uploads in several requests that nobody went on with in time.',
  ),
  resumable_uploads_resumed: counter(
    'resumable_uploads_resumed',
    'Requests that were received and went on with an upload where an earlier one had ended.',
  ),
};
