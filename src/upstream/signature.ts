// The signature of a request to an S3-compatible store: AWS Signature Version 4, in the
// field Authorization, or in the URL where the store is to refuse a request that is late.

import { AwsV4Signer } from 'aws4fetch';
import type { Counting, Speaking } from './fetching.ts';

/** Keys derived for a day, by secret, day and region. */
const derived = new Map<string, ArrayBuffer>();
const mostDerived = 100;

/**
 * The fields with those of the signature. It counts for 15 minutes, so each attempt has its own.
 * @param fields those named `x-amz-*`, and conditions, are signed.
 */
export async function signedFields(
  method: string,
  url: URL,
  fields: Record<string, string>,
  { region, accessKey, secretKey }: NonNullable<Speaking['s3']>,
): Promise<Record<string, string>> {
  if (derived.size > mostDerived) derived.clear();
  const signer = new AwsV4Signer({
    ...{ method, url: url.href, headers: fields, service: 's3', region, cache: derived },
    ...{ accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  const { headers } = await signer.sign();
  return Object.fromEntries(headers);
}

/** The URL with a signature that counts for so long, whenever the request is sent. Fields are not signed. */
export async function signedUrl(
  method: string,
  url: URL,
  { from, seconds }: Counting,
  { region, accessKey, secretKey }: NonNullable<Speaking['s3']>,
): Promise<URL> {
  const lasting = new URL(url);
  lasting.searchParams.set('X-Amz-Expires', String(seconds));
  const signer = new AwsV4Signer({
    ...{ method, url: lasting.href, service: 's3', region, cache: derived, signQuery: true },
    ...{ accessKeyId: accessKey, secretAccessKey: secretKey },
    datetime: new Date(from).toISOString().replace(/[:-]|\.\d{3}/g, ''),
  });
  return (await signer.sign()).url;
}
