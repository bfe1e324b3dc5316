// Talk: what two processes of a server say to each other while one takes over from the other.
//
//   new                                  old
//   hello: version, formats         →
//                                   ←    offer: locks, sockets, shared memory (or refused: why)
//   ready: the store is open        →         from the offer on, changes wait; reads are answered
//                                   ←    go: you write from now on
//   serving: connections are taken  →         takes no more connections
//   change, change …                ←    what its clients still upload
//
// Until `serving` the old process goes on as before when the new one ends; the new one goes on without the
// old one, once it has the offer.

import * as z from 'zod';
import type { OpenFile, PeerSocket } from '../../native/addon.ts';

/** The name of the socket in a store's folder. */
export const socketName = 'replace.sock';
/** Raised when messages change so that processes of two versions do not understand each other. */
export const protocol = 2;
/** The format that this version writes, and those that another process may go on reading beside it. */
export const storeFormat = 2;
export const besideFormats: readonly number[] = [2];

export const hello = z.object({
  hello: z.object({
    protocol: z.int(),
    version: z.string(),
    format: z.int(),
    beside: z.array(z.int()).max(100),
  }),
});
export const offer = z.object({
  offer: z.object({
    version: z.string(),
    /** How many of the files that come along are which, in this order. */
    files: z.object({ state: z.int().min(0), locks: z.int().min(1), sockets: z.int().min(0) }),
    staging: z.array(z.string().min(1).max(100)).min(1),
    /** What each socket is, for whoever opens it. */
    sockets: z.array(z.string().max(1000)),
    /** Paths of unix sockets that whoever ends last removes. */
    paths: z.array(z.string().max(1000)).default([]),
  }),
});
export const refused = z.object({ refused: z.string().max(2000) });
export const ready = z.object({ ready: z.literal(true) });
export const go = z.object({ go: z.literal(true) });
export const serving = z.object({ serving: z.literal(true) });

export type Offer = z.infer<typeof offer>['offer'];

/** The other process said what it may not say at this point. */
class Misunderstanding extends Error {}

export class Talk {
  readonly #socket: PeerSocket;

  constructor(socket: PeerSocket) {
    this.#socket = socket;
  }

  get peer() {
    return this.#socket.peer();
  }

  say(message: object, files: readonly OpenFile[] = []): Promise<void> {
    return this.#socket.send(JSON.stringify(message), files);
  }

  /** The text and the files of what the other process says next; undefined: it has gone. */
  async hearAny(): Promise<{ text: string; files: OpenFile[] } | undefined> {
    try {
      return await this.#socket.receive();
    } catch {
      return undefined;
    }
  }

  /** Throws Misunderstanding. Undefined: the other process has gone. */
  async hear<T>(schema: z.ZodType<T>): Promise<{ message: T; files: OpenFile[] } | undefined> {
    const heard = await this.hearAny();
    if (!heard) return undefined;
    return { message: parsed(schema, heard.text), files: heard.files };
  }

  close(): void {
    this.#socket.close();
  }
}

/** Whether the other process has no number here: nobody could see whether it has ended, or end it. */
export function isUnseen({ peer }: Talk): boolean {
  return peer.pid <= 0;
}
export const unseen =
  'the two processes do not see each other, since they are in different PID namespaces (containers); ' +
  'start the new one in that of the old one, or end the old one first';

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Misunderstanding('the other process said something that is not understood', { cause });
  }
}
