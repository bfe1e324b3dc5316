// All scenarios, in the order in which they run.

import { cold } from './cold.ts';
import { growingConnections, idleConnections } from './connections.ts';
import { growing } from './growing.ts';
import { growingStore } from './growth_objects.ts';
import { handshakes } from './handshakes.ts';
import { http2 } from './http2.ts';
import { ktls } from './ktls.ts';
import { longTail } from './long_tail.ts';
import { connectionMemory, memory } from './memory.ts';
import { mirror } from './mirror.ts';
import { puts } from './puts.ts';
import { registry } from './registry.ts';
import { registryPush } from './registry_push.ts';
import type { Scenario } from './scenario.ts';
import { start } from './start.ts';
import { store } from './store.ts';
import { throughput } from './throughput.ts';
import { upload } from './upload.ts';
import { video, videoInKernel } from './video.ts';
import { waiting } from './waiting.ts';

export const scenarios: Scenario[] = [
  ...throughput,
  ...handshakes,
  ...http2,
  video,
  idleConnections,
  growingConnections,
  longTail,
  cold,
  upload,
  ...growing,
  ...waiting,
  ...mirror,
  ...puts,
  ...registry,
  registryPush,
  memory,
  ...connectionMemory,
  growingStore,
  ...store,
  start,
  ...ktls,
  videoInKernel,
];

/** By name, comma-separated; a word that is the start or end of several names stands for all of them. */
export function pick(words: string): Scenario[] {
  const picked = words.split(',').map((word) => {
    const found = scenarios.filter(({ name }) => name === word.trim());
    const wider =
      found.length > 0 ? found : scenarios.filter(({ name }) => name.split(' ').includes(word.trim()));
    if (wider.length === 0)
      throw new Error(
        `there is no scenario '${word.trim()}'; there are: ${scenarios.map(({ name }) => name).join(', ')}`,
      );
    return wider;
  });
  return scenarios.filter((scenario) => picked.flat().includes(scenario));
}
