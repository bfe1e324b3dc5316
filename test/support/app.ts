// The data plane's application over a real store in a temporary directory, asked without a socket.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import pino from 'pino';
import { EngineRequest } from '../../src/engine/engine_request.ts';
import type { Answer, Upload } from '../../src/engine/plan.ts';
import { problemFrom } from '../../src/engine/plan.ts';
import { SealgateError } from '../../src/errors.ts';
import { addon, type DeliverPlan, type RespondPlan, type ResponseField } from '../../src/native/addon.ts';
import { Coder } from '../../src/objects/coder.ts';
import { Epochs } from '../../src/objects/epochs.ts';
import { Objects } from '../../src/objects/objects.ts';
import { objects as protocol } from '../../src/protocols/objects/index.ts';
import type { Authorize } from '../../src/sites/authorize.ts';
import { openToAll } from '../../src/sites/grants.ts';
import type { Mount, Services } from '../../src/sites/mount.ts';
import { openStore } from '../../src/store/content_store.ts';
import type { Store } from '../../src/store/store.ts';

const log = pino({ level: 'silent' });

export interface TestApp {
  store: Store;
  objects: Objects;
  epochs: Epochs;
  /** What other protocols over the same store are served with. */
  services: Services;
  /** One request; `fields` are lines like `If-Match: *`. */
  ask(method: string, target: string, ...fields: string[]): Promise<Answer>;
  /** A GET that must be answered with a plan to deliver. */
  get(target: string): Promise<DeliverPlan>;
  /** A request that must be answered with a small response. */
  response(method: string, target: string, ...fields: string[]): Promise<RespondPlan>;
  /** PUT with a body, received as the engine does it: to a staging file, hashed on the way. */
  put(target: string, body: string | Uint8Array, ...fields: string[]): Promise<RespondPlan>;
  close(): Promise<void>;
}

/**
 * Buckets: `files` (write-once) and `live` (versioned). Reads and writes are open unless `authorize` says
 * otherwise.
 */
export async function openTestApp(
  settings: { authorize?: Authorize; openReads?: boolean; path?: string; now?: () => number } = {},
): Promise<TestApp> {
  const dir = await mkdtemp(join(process.env.SEALGATE_TEST_DIR ?? tmpdir(), 'sealgate-app-'));
  const { now = Date.now } = settings;
  const store = await openStore({ root: join(dir, 'store'), now });
  await store.createBucket('files', 'write-once');
  await store.createBucket('live', 'versioned');
  const epochs = new Epochs(addon);
  const { authorize = () => openToAll, openReads = true } = settings;
  const objects = new Objects({ store, epochs, firstRead: () => 'trust', maxObjectBytes: 1 << 20 });
  const mount: Mount = { host: '*', path: settings.path ?? '/', protocol: 'objects' };
  const coder = new Coder(store, log);
  const services: Services = { objects, coder, authorize, openReads, log };
  const handle = protocol.serve(services, mount);

  const ask = async (method: string, target: string, fields: string[], hasBody = false) => {
    const head = fields.map((field) => `${field}\r\n`).join('');
    const authority = fields.map((line) => /^Host: (.*)$/i.exec(line)?.[1]).find((host) => host) ?? '';
    const request = new EngineRequest({
      mount: 1,
      codings: 0,
      method,
      target,
      head,
      authority,
      hasBody,
      subject: '',
    });
    return (async () => handle(request))().catch((error) => problemFrom(error, log));
  };
  const put = async (target: string, body: string | Uint8Array, fields: string[]) => {
    const answer = await ask('PUT', target, fields, true);
    if (answer.kind !== 'receive') return expectKind(answer, 'respond');
    const upload = answer as Upload;
    const source = join(dir, basename(upload.sink.path));
    await writeFile(source, body);
    const received = addon.importFile(source, upload.sink.path, upload.sink.digests);
    return upload.received(received).catch((error) => problemFrom(error, log));
  };
  return {
    store,
    objects,
    epochs,
    services,
    ask: (method, target, ...fields) => ask(method, target, fields),
    get: async (target) => expectKind(await ask('GET', target, []), 'deliver'),
    response: async (method, target, ...fields) => expectKind(await ask(method, target, fields), 'respond'),
    put: (target, body, ...fields) => put(target, body, fields),
    close: async () => {
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The value of a plan's field; undefined when there is none. */
export function field(plan: { fields: readonly ResponseField[] }, name: string): string | undefined {
  return plan.fields.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
}

/** The problem that a response names. */
export function problemName(plan: RespondPlan): string {
  return JSON.parse(plan.body.toString()).title;
}

export function refuse(code: 'token-missing' | 'token-unknown' | 'scope-missing'): Authorize {
  return () => {
    throw new SealgateError(code);
  };
}

function expectKind<K extends Answer['kind']>(answer: Answer, kind: K): Extract<Answer, { kind: K }> {
  if (answer.kind === kind) return answer as Extract<Answer, { kind: K }>;
  throw new Error(`expected an answer to ${kind}, got ${JSON.stringify(answer)}`);
}
