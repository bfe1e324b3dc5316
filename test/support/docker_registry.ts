// docker-registry, as Debian has it, for tests: a real registry of somebody else.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './server.ts';
import { programOf } from './unpacked.ts';
import { until } from './wait.ts';

/** bcrypt of `secret`, of the least cost. */
const entry = 'user:$2b$04$1PsZNQ.lgV20gb2pHuHM.eq9ngKRyPq/67o4m4aAzssvv.8rfhATK\n';

export interface DockerRegistry {
  /** With its port. */
  host: string;
  stop(): Promise<void>;
}

/** Takes the password `secret` of `user`. @param dir where it keeps what is pushed. */
export async function startDockerRegistry(dir: string): Promise<DockerRegistry> {
  const program = programOf('docker-registry', 'usr/bin/docker-registry');
  const host = `127.0.0.1:${await freePort()}`;
  const path = join(dir, 'htpasswd');
  const rootdirectory = join(dir, 'docker-registry');
  await mkdir(rootdirectory);
  await writeFile(path, entry);
  const settings = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory }, delete: { enabled: true } },
    auth: { htpasswd: { realm: 'test', path } },
    http: { addr: host, secret: 'test' },
  };
  const config = join(dir, 'docker-registry.yml');
  // JSON is YAML.
  await writeFile(config, JSON.stringify(settings));
  const child = spawn(program, ['serve', config], { stdio: 'ignore' });
  const answers = () =>
    fetch(`http://${host}/v2/`).then(
      ({ status }) => status,
      () => child.exitCode ?? 'starting',
    );
  await until(answers, (status) => status === 401, 'docker-registry does not answer');
  return {
    host,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
