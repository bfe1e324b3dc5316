// All limits with their units, defaults and reasons. The section `limits` of the configuration overrides
// them.

import * as z from 'zod';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/**
 * Bytes, of a request body that the application gets in memory. The engine holds it to that, and all of them
 * together to 64 MiB (native/server/body_memory.h): what is larger goes to a file.
 */
export const maxMemoryBodyBytes = MiB;

/** The error names the unit, since giving the value in another unit is the usual mistake. */
function whole(unit: string, fallback: number, most: number, what: string) {
  const error = `expected a whole number${unit}, 1 to ${most}`;
  return z.int({ error }).min(1, { error }).max(most, { error }).default(fallback).describe(what);
}

function count(fallback: number, most: number, what: string) {
  return whole('', fallback, most, what);
}

function bytes(fallback: number, most: number, what: string) {
  return whole(' of bytes', fallback, most, `Bytes. ${what}`);
}

function milliseconds(fallback: number, what: string) {
  return whole(' of milliseconds', fallback, 3_600_000, `Milliseconds. ${what}`);
}

export const limitsSchema = z
  .strictObject({
    connections: count(
      65_536,
      1_000_000,
      'Connections of one worker at a time. Beyond them new ones take the place of idle ones, or wait. If ' +
        'none is idle, clients that hold at most an eighth may take a quarter from those that hold most.',
    ),
    targetBytes: bytes(8 * KiB, 64 * KiB, 'Longest request target; longer ones get 414.'),
    headBytes: bytes(32 * KiB, MiB, 'Largest request line and fields together; more gets 431.'),
    fields: count(100, 1000, 'Most header fields of a request; more get 431.'),
    ranges: count(
      32,
      1000,
      'Most ranges of a request; more get 416, as an attack (RFC 9110 section 17.15). zsync sends 20.',
    ),
    smallBodyBytes: bytes(
      16 * KiB,
      MiB,
      'Response bodies up to this size are kept in memory; one TLS record holds 16 KiB.',
    ),
    planCacheBytes: bytes(64 * MiB, 64 * GiB, 'Memory of one worker for kept plans and small bodies.'),
    planCacheEntries: count(16_384, 10_000_000, 'Most plans that one worker keeps; each holds an open file.'),
    applicationRequests: count(
      1024,
      65_536,
      'Requests of one worker that wait for the application at a time; one client gets at most 3/4 of them.',
    ),
    uploads: count(
      256,
      65_536,
      'Uploads of one worker at a time, 512 KiB of memory each; one client or token gets at most 3/4.',
    ),
    proxyTimeout: milliseconds(5_000, 'Longest time from accept to the end of a PROXY header.'),
    handshakeTimeout: milliseconds(
      10_000,
      'Longest time from accept, or from the PROXY header, to the end of the TLS handshake.',
    ),
    headTimeout: milliseconds(10_000, 'Longest time from the first byte of a request head to its last.'),
    idleTimeout: milliseconds(75_000, 'Longest time between two requests of a connection.'),
    stallTimeout: milliseconds(
      60_000,
      'Window over which an upload or download must reach minRate, measured in steps of the socket buffer.',
    ),
    applicationTimeout: milliseconds(30_000, 'Longest time for the application to answer; then 503.'),
    minRate: count(
      240,
      1_000_000_000,
      'Bytes per second that a client must send or read on average over stallTimeout.',
    ),
    maxObjectBytes: bytes(64 * GiB, Number.MAX_SAFE_INTEGER, 'Largest upload; a larger one gets 413.'),
  })
  .describe('Limits; those of connections, requests and memory are for each worker.');

export type Limits = z.infer<typeof limitsSchema>;
