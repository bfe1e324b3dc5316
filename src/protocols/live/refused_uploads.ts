// RefusedUploads: what a packager that looks at no status is refused, as its operator reads it in the log.

import { SealgateError } from '../../errors.ts';
import type { Point } from './point.ts';

/** Milliseconds between two lines: an encoder that is refused once is refused with each segment. */
const pause = 10_000;

export class RefusedUploads {
  readonly #point: Pick<Point, 'services' | 'path' | 'bucket' | 'totals'>;
  #said = Number.NEGATIVE_INFINITY;
  /** Those since the last line. */
  #count = 0;

  constructor(point: Pick<Point, 'services' | 'path' | 'bucket' | 'totals'>) {
    this.#point = point;
  }

  say(object: string, error: unknown): void {
    // Other errors are the server's, and logged as such.
    if (!(error instanceof SealgateError)) return;
    this.#count += 1;
    const { refused } = this.#point.totals;
    refused[error.code] = (refused[error.code] ?? 0) + 1;
    const now = performance.now();
    if (now - this.#said < pause) return;
    const { services, path, bucket } = this.#point;
    const { code: problem, message: reason } = error;
    services.log.warn(
      { path, bucket, object, problem, reason, refused: this.#count },
      'an upload to a publishing point was refused; the encoder may not notice',
    );
    this.#said = now;
    this.#count = 0;
  }
}
