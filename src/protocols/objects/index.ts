// The protocol "objects": names in buckets at o/, bytes by their digest at sha256/, below the path of a
// mount.

import type { Protocol } from '../../sites/mount.ts';
import { Resources } from '../../sites/resources.ts';
import { copyDigest, copyObject } from './copy_object.ts';
import { deleteObject } from './delete_object.ts';
import { listBucket, toListing } from './list_bucket.ts';
import { overview } from './overview.ts';
import { putDigest } from './put_digest.ts';
import { putNames } from './put_names.ts';
import { putObject } from './put_object.ts';
import { readDigest } from './read_digest.ts';
import { readObject } from './read_object.ts';
import { resumableRoutes } from './resumable_routes.ts';
import { ShownBytes } from './shown_bytes.ts';
import { objectTarget } from './target.ts';

export const objects: Protocol = {
  parameters: ['tags'],
  named: ({ path: below }, path) => {
    const [, bucket, name] = /^o\/([^/]+)\/(.+)$/.exec(path.slice(below.length)) ?? [];
    return bucket === undefined || name === undefined ? undefined : objectTarget({ bucket, name });
  },
  serve: (shared, { path }) => {
    const services = { ...shared, prefix: path.slice(0, -1), shownBytes: new ShownBytes() };
    const resources = new Resources({ path })
      .at('/', { GET: overview(services) })
      .at('/sha256/:digest', {
        GET: readDigest(services),
        PUT: putDigest(services),
        COPY: copyDigest(services),
      })
      .at('/o/:bucket/', { GET: listBucket(services), PUT: putNames(services) })
      .at('/o/:bucket', { GET: toListing(services) });
    const named = {
      GET: readObject(services),
      PUT: putObject(services),
      DELETE: deleteObject(services),
      COPY: copyObject(services),
    };
    if (services.resumable === undefined) return resources.at('/o/:bucket/:name{.+}', named).handle;
    const { object, upload, options } = resumableRoutes(services, services.resumable, named.PUT);
    return resources
      .at('/o/:bucket/:name{.+}', { ...named, ...object }, options)
      .at('/uploads/:id', upload, options).handle;
  },
};
