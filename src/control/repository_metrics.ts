// RepositoryMetrics: what the repositories of registries have. Whoever pushes makes repositories, and so
// values of a label: the largest have one each, and the others none.

import { Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { RepositoryView } from '../protocols/oci/operating.ts';

/** Repositories that are told by name. */
const mostRepositories = 100;

export class RepositoryMetrics {
  readonly #largest: (most: number) => Promise<RepositoryView[]>;
  readonly #bytes: Gauge;
  readonly #pulls: Gauge;

  constructor(
    largest: (most: number) => Promise<RepositoryView[]>,
    registry: Registry<OpenMetricsContentType>,
  ) {
    this.#largest = largest;
    const gauge = (name: string, help: string) =>
      new Gauge({
        ...{ name: `sealgate_repository_${name}`, help, registers: [registry] },
        labelNames: ['bucket', 'repository'],
      });
    this.#bytes = gauge('bytes', 'Bytes that the repository has, each once; of the 100 largest.');
    this.#pulls = gauge('pulls', 'Manifests that were asked for, where the site counts them.');
  }

  async update(): Promise<void> {
    const all = await this.#largest(mostRepositories);
    this.#bytes.reset();
    this.#pulls.reset();
    for (const { bucket, repository, bytes, pulls } of all) {
      this.#bytes.set({ bucket, repository }, bytes);
      if (pulls !== undefined) this.#pulls.set({ bucket, repository }, pulls);
    }
  }
}
