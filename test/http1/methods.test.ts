// HEAD answers as GET does without the body, OPTIONS says what applies, other methods are refused by name.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertProblem } from '../support/problem.ts';
import { createSite, TestServer } from '../support/server.ts';
import { request, Wire } from '../support/wire.ts';

const site = await createSite();
const server = await TestServer.start(site, '--workers', '1');
const trust = await readFile(site.certificate, 'utf8');
const wire = await Wire.open(server.url, trust);
after(async () => {
  wire.close();
  await server.stop();
  await site.remove();
});

const small = Buffer.from('small');
const large = Buffer.alloc(300_000, 'large ');
for (const [name, bytes] of Object.entries({ small, large })) {
  await writeFile(join(site.dir, name), bytes);
  await server.put(`/o/files/${name}`, join(site.dir, name));
}

const ask = (method: string, target: string, ...fields: string[]) => {
  wire.send(request(method, target, ...fields));
  return wire.response(method);
};

for (const target of ['/o/files/small', '/o/files/large', '/o/files/', '/', '/o/files/none']) {
  test(`HEAD ${target} has the head of GET and no body`, async () => {
    const get = await ask('GET', target);
    const head = await ask('HEAD', target);
    assert.equal(head.status, get.status);
    for (const { headers } of [get, head]) for (const name of ['date', 'x-request-id']) headers.delete(name);
    assert.deepEqual([...head.headers], [...get.headers]);
    assert.equal(Number(head.headers.get('content-length')), get.body.length);
  });
}

test('HEAD with Range: the fields of the whole object', async () => {
  const { status, headers } = await ask('HEAD', '/o/files/small', 'Range: bytes=0-0');
  assert.deepEqual([status, headers.get('content-length')], [200, '5']);
});

const allowed = 'GET, HEAD, PUT, DELETE, COPY, OPTIONS';

test('OPTIONS lists the methods, and its answer has no body', async () => {
  const { status, headers } = await ask('OPTIONS', '/o/files/small');
  assert.deepEqual([status, headers.get('allow')], [204, allowed]);
  assert.equal(headers.get('content-length'), undefined);
});

test('OPTIONS *: the methods of the server', async () => {
  assert.equal((await ask('OPTIONS', '*')).status, 204);
});

for (const method of ['POST', 'PATCH', 'TRACE', 'PROPFIND']) {
  test(`${method} is refused with the methods there are`, async () => {
    const refused = await ask(method, '/o/files/small');
    assertProblem(refused, 405, 'method-not-allowed');
    assert.equal(refused.headers.get('allow'), allowed);
  });
}

for (const method of ['CONNECT', 'BREW', 'get']) {
  test(`${method} is not known`, async () => {
    const alone = await Wire.open(server.url, trust);
    alone.send(request(method, '/o/files/small'));
    assertProblem(await alone.response(), 501, 'method-unknown');
    assert.equal((await alone.ended()).by, 'end');
  });
}

test('a target in absolute form: the object', async () => {
  assert.ok((await ask('GET', 'https://localhost/o/files/small')).body.equals(small));
});
