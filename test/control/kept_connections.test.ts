// Who asks the control plane again and again, as metrics are scraped, does so on one connection.

import assert from 'node:assert/strict';
import { Agent, get, type IncomingMessage } from 'node:http';
import { after, test } from 'node:test';
import { createSite, TestServer } from '../support/server.ts';

const site = await createSite();
const server = await TestServer.start(site);
after(async () => {
  await server.stop();
  await site.remove();
});

function scraped(agent: Agent): Promise<{ port: number | undefined; keepAlive: unknown }> {
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      const { localPort: port } = response.socket;
      const keepAlive: unknown = response.headers['keep-alive'];
      response.resume().on('end', () => resolve({ port, keepAlive }));
    };
    get(`${server.control}/metrics`, { agent }, answered).on('error', reject);
  });
}

test('two scrapes that are a minute apart may use one connection: it is kept for 65 seconds', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const first = await scraped(agent);
  const second = await scraped(agent);
  agent.destroy();
  assert.equal(second.port, first.port);
  assert.equal(second.keepAlive, 'timeout=65');
});
