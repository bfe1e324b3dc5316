// The schema of the configuration file: every setting with its limits, default and description.

import { availableParallelism } from 'node:os';
import * as z from 'zod';
import { controlAddressSchema, isLoopback } from '../control_address.ts';
import { dates } from '../dates.ts';
import { limitsSchema } from '../limits.ts';
import { bucketKindSchema, bucketNameSchema } from '../object_schema.ts';
import { scopeSchema } from '../scopes.ts';
import { drainSchema, healthPathSchema } from './drain.ts';
import { gcSchema } from './gc.ts';
import { listenersSchema } from './listeners.ts';
import { logSchema, requestIdsSchema } from './log.ts';
import { purgeSchema } from './purge.ts';
import { rateLimitsSchema } from './rate_limits.ts';
import { guardSchema, ktlsCiphers, ktlsProtocols, rolloutSchema } from './rollout.ts';
import { scrubSchema } from './scrub.ts';
import { sitesSchema } from './sites.ts';
import { trustedProxiesSchema } from './trusted_proxies.ts';
import {
  refuseUnknownUpstreams,
  refuseUnshareable,
  sharedBucketsSchema,
  upstreamsSchema,
} from './upstreams.ts';

// Zod otherwise compiles each schema, which takes longer than parsing one file.
z.config({ jitless: true });

const firstRead = z.enum(['trust', 'hash']);
const sealLevel = z.enum(['L1', 'L2', 'L3']);
const belowRequired = z.enum(['copy', 'refuse']);

const settingsSchema = z.strictObject({
  $schema: z.string().optional().describe('URL or path of the JSON Schema, for editors.'),
  store: z.string().min(1).default('./store').describe('Directory of the store.'),
  listeners: listenersSchema,
  user: z
    .string()
    .regex(/^([\w.-]{1,64}(:[\w.-]{1,64})?)?$/, { error: 'expected NAME or NAME:GROUP' })
    .default('')
    .describe(
      'NAME or NAME:GROUP that a server started by root becomes for good once its addresses are bound, ' +
        'before it opens anything else; empty: it stays who it is.',
    ),
  workers: z
    .int()
    .min(1)
    .max(256)
    .default(availableParallelism())
    .describe('Number of delivery threads. Default: one per CPU.'),
  tls: z
    .strictObject({
      certificate: z
        .string()
        .min(1)
        .default('./tls/certificate.pem')
        .describe('PEM file with the certificate, followed by its chain.'),
      key: z.string().min(1).default('./tls/key.pem').describe('PEM file with the private key.'),
      ocsp: z.string().default('').describe('DER file with an OCSP response to staple; empty: none.'),
      certificates: z
        .array(
          z.strictObject({
            certificate: z.string().min(1),
            key: z.string().min(1),
            ocsp: z.string().default(''),
          }),
        )
        .max(256)
        .default([])
        .describe('Further certificates, chosen by the client’s server name (SNI); wildcard names match.'),
      minVersion: z
        .enum(['TLSv1.2', 'TLSv1.3'])
        .default('TLSv1.2')
        .describe('Lowest TLS version that clients may use.'),
      ciphers: z
        .string()
        .default('')
        .describe("TLS 1.2 ciphers in OpenSSL's list format; empty: OpenSSL's default."),
      cipherSuites: z
        .string()
        .default('')
        .describe('TLS 1.3 cipher suites, separated by colons; empty: OpenSSL’s default.'),
      groups: z
        .string()
        .default('')
        .describe(
          'Key exchange groups, separated by colons, for example X25519:P-256; empty: OpenSSL’s default.',
        ),
      clients: z
        .strictObject({
          verify: z
            .enum(['none', 'optional', 'required'])
            .default('none')
            .describe(
              'Whether clients are asked for a certificate. An invalid certificate is always refused.',
            ),
          ca: z
            .string()
            .default('')
            .describe('PEM file with the CA certificates that may issue client certificates.'),
        })
        .prefault({})
        .refine(({ verify, ca }) => verify === 'none' || ca !== '', {
          path: ['ca'],
          error: 'expected a PEM file, since clients are asked for certificates',
        }),
      tickets: z
        .int()
        .min(0)
        .max(8)
        .default(2)
        .describe('Number of session tickets sent after a TLS 1.3 handshake; 0: no session resumption.'),
      ticketKeySeconds: z
        .int()
        .min(1)
        .max(86_400)
        .default(3600)
        .describe('Seconds for which a ticket key issues tickets; it accepts them for twice as long again.'),
    })
    .prefault({}),
  ktls: z
    .strictObject({
      mode: z
        .enum(['auto', 'off', 'require'])
        .default('auto')
        .describe(
          'auto: use kernel TLS where it works, within the rollout. off: TLS in userspace only. ' +
            'require: all traffic from the start; the server does not start without kernel TLS.',
        ),
      tx: z.boolean().default(true).describe('Whether sending may use kernel TLS.'),
      rx: z.boolean().default(true).describe('Whether receiving may use kernel TLS.'),
      zeroCopy: z
        .enum(['off', 'device', 'always'])
        .default('device')
        .describe(
          'Where a network device that encrypts may read files in place (TLS_TX_ZEROCOPY_RO), which it ' +
            'does again to retransmit. Only blobs of seal level L2 and L3 leave that way; on a connection ' +
            'with such a blob, others are copied. device: connections whose keys a device has. always: all ' +
            'that send by kernel TLS.',
        ),
      forceHwRecord: z
        .boolean()
        .default(false)
        .describe(
          'Use kernel TLS even beside a network device that makes TLS records itself (tls-hw-record on).',
        ),
      protocols: z
        .array(z.enum(ktlsProtocols))
        .default([...ktlsProtocols])
        .describe('TLS versions that may use kernel TLS.'),
      ciphers: z
        .array(z.enum(ktlsCiphers))
        .default([...ktlsCiphers])
        .describe('Ciphers that may use kernel TLS; connections with another cipher stay in userspace.'),
      minBytes: z
        .int()
        .min(0)
        .default(65_536)
        .describe(
          'Bytes. A response of at least this size moves the sending side of its connection into the ' +
            'kernel, an upload the receiving side. Smaller transfers stay in userspace, which costs less.',
        ),
      recordsPerKey: z
        .int()
        .min(1)
        .max(2 ** 24)
        .default(2 ** 24)
        .describe(
          'Number of AES records before the key is replaced (RFC 8446 section 5.5), also in userspace.',
        ),
    })
    .prefault({}),
  rollout: rolloutSchema
    .prefault({})
    .describe(
      'Initial state of the kernel TLS rollout. Changes at run time persist until this section is edited.',
    ),
  guard: guardSchema
    .prefault({})
    .describe('The guard compares the canary with the control group and rolls kernel TLS back.'),
  sentinel: z
    .strictObject({
      intervalSeconds: z
        .number()
        .min(0)
        .max(86_400)
        .default(60)
        .describe(
          'Seconds between two test fetches from this server itself, whose digest is checked; 0: none.',
        ),
      maxBytes: z
        .int()
        .min(1)
        .max(256 * 2 ** 20)
        .default(16 * 2 ** 20)
        .describe('Bytes. Larger objects are not test-fetched.'),
    })
    .prefault({}),
  buckets: z
    .record(bucketNameSchema, bucketKindSchema)
    .default({ files: 'write-once' })
    .describe(
      'Buckets to create at start. write-once: a name never changes. versioned: a name can be overwritten.',
    ),
  sites: sitesSchema
    .optional()
    .describe(
      'What is served where: hosts and paths, and the buckets and protocols there. Absent: /o/ and ' +
        '/sha256/ on every host.',
    ),
  sitesFolder: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder whose files *.json are further sites, by name of the file: each is a site or a list of them. ' +
        'Paths in them are from the folder of the configuration file.',
    ),
  upstreams: upstreamsSchema,
  sharedBuckets: sharedBucketsSchema,
  seal: z
    .strictObject({
      firstRead: firstRead
        .default('trust')
        .describe(
          'What is checked when a blob is requested for the first time since the start. trust: inode, size ' +
            'and ctime must be as recorded. hash: all bytes are read and hashed, which also finds damage ' +
            'below the file system.',
        ),
      level: sealLevel
        .default('L1')
        .describe(
          'What keeps blobs that are stored from now on from changing. L1: their inode, size and ctime are ' +
            'recorded and compared. L2: also immutable (chattr +i), which takes CAP_LINUX_IMMUTABLE and ' +
            'stands in the way of rm and mv. L3: instead fs-verity, which checks each block that is read. ' +
            'Where the kernel refuses a level, the next lower one is given.',
        ),
      require: sealLevel
        .default('L1')
        .describe('The level that a blob has to have when it is opened to be delivered.'),
      below: belowRequired
        .default('copy')
        .describe(
          'What happens to a blob below the required level. copy: its bytes are copied, without sendfile. ' +
            'refuse: requests for it are answered with 503.',
        ),
      buckets: z
        .record(
          bucketNameSchema,
          z.strictObject({
            firstRead: firstRead.optional(),
            level: sealLevel.optional(),
            require: sealLevel.optional(),
            below: belowRequired.optional(),
          }),
        )
        .default({})
        .describe('Exceptions from these settings, by bucket.'),
    })
    .prefault({}),
  scrub: scrubSchema
    .prefault({})
    .describe('Cold blobs are read, and compared with their digests, before a client asks for them.'),
  gc: gcSchema.prefault({}).describe('Collection: frees the bytes of overwritten and deleted objects.'),
  lastModified: z
    .enum(dates)
    .default('written')
    .describe(
      'The time of an object in Last-Modified, listings and If-Unmodified-Since. written: when it was ' +
        'stored here. source: when the file that import or put read was last changed, or the X-OC-Mtime ' +
        'of an upload, if known and not earlier than the version that it replaced.',
    ),
  auth: z
    .strictObject({
      reads: z
        .enum(['open', 'token'])
        .default('open')
        .describe('open: everybody may read. token: reading needs a bearer token.'),
      tokens: z
        .string()
        .min(1)
        .default('./tokens.json')
        .describe("File with the digests of bearer tokens; 'sealgate token' writes it."),
      clients: z
        .array(z.strictObject({ subject: z.string().min(1), scopes: z.array(scopeSchema).min(1) }))
        .default([])
        .describe("Scopes of client certificates by subject, for example 'CN=build,O=Example' (RFC 2253)."),
    })
    .prefault({}),
  control: z
    .strictObject({
      listen: controlAddressSchema
        .default({ host: '127.0.0.1', port: 9443, tls: false })
        .describe(
          'Address of the control plane: unix:/PATH, http://IP:PORT on loopback, or https://IP:PORT.',
        ),
      auth: z
        .enum(['open', 'token'])
        .default('open')
        .describe(
          'open: everybody who can connect. token: bearers of a token with control:read or control:operate.',
        ),
      certificate: z
        .string()
        .default('')
        .describe('PEM file with the certificate for https://; empty: tls.certificate.'),
      key: z.string().default('').describe('PEM file with the private key for https://; empty: tls.key.'),
      audit: z
        .string()
        .min(1)
        .default('./audit.jsonl')
        .describe('Append-only file with a JSON line for each change made at run time.'),
    })
    .prefault({})
    .superRefine(({ listen, auth }, context) => {
      if ('path' in listen || isLoopback(listen.host)) return;
      const refuse = (path: string, message: string) =>
        context.addIssue({ code: 'custom', path: [path], message });
      if (!listen.tls) refuse('listen', 'expected https:// for an address that others can reach');
      if (auth !== 'token') refuse('auth', 'expected "token" when others can reach the control plane');
    }),
  limits: limitsSchema.prefault({}),
  drain: drainSchema.prefault({}),
  healthPath: healthPathSchema,
  purge: purgeSchema,
  rateLimits: rateLimitsSchema,
  trustedProxies: trustedProxiesSchema.prefault({}),
  requestIds: requestIdsSchema.prefault({}),
  log: logSchema.prefault({}),
});

export const configSchema = settingsSchema.superRefine(refuseUnknownUpstreams).superRefine(refuseUnshareable);

/** The parsed configuration: paths are absolute, addresses are objects, and defaults are filled in. */
export type Config = z.infer<typeof configSchema>;

/** The JSON Schema of the configuration file. */
export function jsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
}
