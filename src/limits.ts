// Every limit there is, with its unit and the reason for its default. `limits` in the configuration overrides
// them.

import * as z from 'zod';

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** A whole number whose fault names the unit: a value in another one is the usual mistake. */
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
      'Connections of one worker at a time; further ones take the place of idle ones, or wait. Where none ' +
        'is idle, clients with an eighth or less get a quarter, from those that hold most.',
    ),
    targetBytes: bytes(8 * KiB, 64 * KiB, 'Request target; longer ones get 414.'),
    headBytes: bytes(32 * KiB, MiB, 'Request line and fields; more gets 431.'),
    fields: count(100, 1000, 'Fields of a request; more gets 431.'),
    ranges: count(
      32,
      1000,
      'Ranges of a request, zsync sends 20; more gets 416: many small ones are an attack (RFC 9110 17.15).',
    ),
    smallBodyBytes: bytes(
      16 * KiB,
      MiB,
      'Bodies up to this size are kept in memory; one TLS record holds 16 KiB.',
    ),
    planCacheBytes: bytes(64 * MiB, 64 * GiB, 'Memory of one worker for kept plans and small bodies.'),
    planCacheEntries: count(16_384, 10_000_000, 'Plans that one worker keeps; each holds an open file.'),
    frontEndRequests: count(
      1024,
      65_536,
      'Requests of one worker that wait for the front end at a time; one client gets three quarters.',
    ),
    uploads: count(
      256,
      65_536,
      'Uploads of one worker at a time, 512 KiB of memory each; one client or token gets three quarters.',
    ),
    handshakeTimeout: milliseconds(10_000, 'From the accepted connection to the end of the TLS handshake.'),
    headTimeout: milliseconds(10_000, 'From the first byte of a request head to its last.'),
    idleTimeout: milliseconds(75_000, 'Between two requests of a connection.'),
    stallTimeout: milliseconds(
      60_000,
      'Window in which an upload or a reader must make minRate. A reader is seen in steps of its buffer.',
    ),
    frontEndTimeout: milliseconds(30_000, 'For the front end to answer; then 503.'),
    minRate: count(
      240,
      1_000_000_000,
      'Bytes per second that a client must send or take, over stallTimeout.',
    ),
    maxObjectBytes: bytes(64 * GiB, Number.MAX_SAFE_INTEGER, 'Largest upload; a larger one gets 413.'),
  })
  .describe('Limits of one worker, unless they say otherwise.');

export type Limits = z.infer<typeof limitsSchema>;
