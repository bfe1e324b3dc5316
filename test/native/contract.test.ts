// The contract between TypeScript and the engine: the same names on both sides of Node-API.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import ts from 'typescript';
import { respond } from '../../src/engine/plan.ts';
import { maxMemoryBodyBytes } from '../../src/limits.ts';
import { addon, type GrowingFile, type PartialFile } from '../../src/native/addon.ts';
import { startEngine } from '../support/engine.ts';
import { read } from '../support/sources.ts';

const engine = await startEngine(() => respond(200), 1);
after(() => engine.stop());

/** The members of an interface, in alphabetical order. */
function membersOf(path: string, name: string): string[] {
  const source = ts.createSourceFile(path, read(path).text, ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (!ts.isInterfaceDeclaration(statement) || statement.name.text !== name) continue;
    return statement.members.map(({ name }) => (name as ts.Identifier).text).sort();
  }
  throw new Error(`${path}: no interface ${name}`);
}

const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const header = read('native/server/plan.h').text;
const reader = read('native/node/plan.cc').text;

/** The data members of a struct, in the spelling of TypeScript. */
function structOf(name: string, text = header): string[] {
  const body = new RegExp(`^struct ${name} (?:: \\w+ )?\\{\\n(.*?)^\\};`, 'ms').exec(text)?.[1];
  assert.ok(body !== undefined, `no struct ${name}`);
  const members = [...body.matchAll(/^ {2}[\w:<>]+(?:<[^()\n]*>)? (\w+)(?: = [^;]+)?;/gm)];
  return members.map(([, member]) => camel(member ?? ''));
}

/** The properties that a function of plan.cc reads of the object it is given. */
function readBy(name: string): string[] {
  const body = new RegExp(`^\\S[^\n]* ${name}\\((?:[^\n]*\\}$|.*?^\\})`, 'ms').exec(reader)?.[0];
  assert.ok(body !== undefined, `plan.cc: no function ${name}`);
  return [...body.matchAll(/\bgiven(?:, |\.(?:Get|Has)\()"(\w+)"/g)].map(([, property]) => property ?? '');
}

const unique = (...names: string[]) => [...new Set(names)].sort();
const described = [...readBy('described'), ...readBy('response_fields')];

const cases: Record<string, { structs: string[]; readers: string[] }> = {
  DeliverPlan: {
    structs: [...structOf('Described'), ...structOf('DeliverPlan')],
    readers: [...described, ...readBy('deliver_plan')],
  },
  RespondPlan: {
    structs: structOf('RespondPlan'),
    readers: [...readBy('response_fields'), ...readBy('respond_plan')],
  },
  ReceivePlan: {
    structs: structOf('ReceivePlan'),
    readers: readBy('receive_plan'),
  },
  DescribePlan: {
    structs: [...structOf('Described'), ...structOf('DescribePlan')],
    readers: [...described, ...readBy('describe_plan')],
  },
  FollowPlan: {
    structs: structOf('FollowPlan'),
    readers: [...readBy('response_fields'), ...readBy('follow_plan')],
  },
  WaitPlan: {
    structs: structOf('WaitPlan'),
    readers: readBy('wait_plan'),
  },
};

for (const [plan, { structs, readers }] of Object.entries(cases)) {
  test(`the fields of a ${plan} are the same in TypeScript, in C++ and where they cross`, () => {
    const declared = membersOf('src/native/plan.ts', plan);
    assert.deepEqual(unique('kind', ...structs), declared, 'native/server/plan.h and src/native/plan.ts');
    assert.deepEqual(unique('kind', ...readers), declared, 'native/node/plan.cc and src/native/plan.ts');
  });
}

for (const [target, reads] of [
  ['StagingTarget', 'staging_target'],
  ['AppendTarget', 'append_target'],
] as const) {
  test(`the fields of ${target} are the same in TypeScript, in C++ and where they cross`, () => {
    const declared = membersOf('src/native/plan.ts', target);
    assert.deepEqual(structOf(target).sort(), declared);
    assert.deepEqual(unique(...readBy(reads)), declared);
  });
}

test('a PartialFile has the members that plan.ts declares, and no others', () => {
  const prototype = Object.getPrototypeOf(addon.partialFile('/nowhere'));
  const members = Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
  assert.deepEqual(members.sort(), membersOf('src/native/plan.ts', 'PartialFile'));
});

test('a GrowingFile has the members that plan.ts declares, and no others', () => {
  const prototype = Object.getPrototypeOf(addon.growingFile());
  const members = Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
  assert.deepEqual(members.sort(), membersOf('src/native/plan.ts', 'GrowingFile'));
});

test('a growing file is received into once; what is none is refused', () => {
  const answer = (growing: unknown) =>
    engine.reactors[0]?.answer(1, {
      kind: 'receive',
      sink: { path: '/nowhere', growing: growing as GrowingFile },
      maxSize: 1,
    });
  for (const wrong of [null, 'x', {}]) assert.throws(() => answer(wrong), TypeError);
  const file = addon.growingFile();
  answer(file);
  assert.throws(() => answer(file), { code: 'EBUSY' });
});

test('a target whose file is no PartialFile is refused', () => {
  const answer = (file: unknown) =>
    engine.reactors[0]?.answer(1, {
      kind: 'receive',
      sink: { file: file as PartialFile, last: false, sync: false },
      maxSize: 1,
    });
  for (const wrong of [undefined, null, 'x', {}]) assert.throws(() => answer(wrong), TypeError);
});

test('a body in memory is as large as limits.ts says, and no larger', () => {
  const answer = (maxSize: number) =>
    engine.reactors[0]?.answer(1, { kind: 'receive', sink: 'memory', maxSize });
  answer(maxMemoryBodyBytes);
  assert.throws(() => answer(maxMemoryBodyBytes + 1), /maxSize: of a body in memory at most/);
});

test('an Epoch has the same fields in TypeScript and in C++', () => {
  assert.deepEqual(structOf('Epoch').sort(), membersOf('src/native/plan.ts', 'Epoch'));
});

test('a mount has the same fields in TypeScript, in C++ and where it crosses', () => {
  const declared = membersOf('src/native/mounts.ts', 'EngineMount');
  // What the table of mounts finds out by itself does not cross.
  const members = structOf('Mount', read('native/server/mounts.h').text).filter((name) => name !== 'guarded');
  assert.deepEqual(members.sort(), declared);
  const body = /^std::vector<Mount> mounts_in\(.*?^}/ms.exec(read('native/node/options.cc').text)?.[0] ?? '';
  const crossing = [...body.matchAll(/\bone(?:, |\.Get\()"(\w+)"/g)].map(([, property]) => property ?? '');
  assert.deepEqual(crossing.sort(), declared);
});

test('the addon exports what addon.ts declares, and nothing else', () => {
  const declared = [
    ...membersOf('src/native/addon.ts', 'Addon'),
    ...membersOf('src/native/logs.ts', 'EngineLogs'),
    ...membersOf('src/native/sockets.ts', 'EngineProcess'),
    ...membersOf('src/native/peer.ts', 'EnginePeers'),
  ];
  assert.deepEqual(Object.keys(addon).sort(), declared.sort());
});

test('a reactor has the members that addon.ts declares, and no others', () => {
  const prototype = Object.getPrototypeOf(engine.reactors[0]);
  const members = Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
  assert.deepEqual(members.sort(), membersOf('src/native/addon.ts', 'Reactor'));
});

const refused: [what: string, fields: [string, string][]][] = [
  ['a value with a line end', [['Location', '/a\r\nSet-Cookie: b=c']]],
  ['a value with NUL', [['X-Test', 'a\0b']]],
  ['a name with a line end', [['X-Test\r\nSet-Cookie', 'a']]],
  ['a name with a colon', [['X-Test:', 'a']]],
  ['a name without a letter', [['', 'a']]],
];

for (const [what, fields] of refused) {
  test(`a response field of ${what} is refused`, () => {
    assert.throws(
      () => engine.reactors[0]?.answer(1, { kind: 'respond', status: 200, fields, body: '' }),
      /a name or value that HTTP cannot have/,
    );
  });
}

test('a plan without one of its fields is refused by the name of the field', () => {
  const plan = { kind: 'respond', status: 200, fields: [] } as unknown as ReturnType<typeof respond>;
  assert.throws(() => engine.reactors[0]?.answer(1, plan), /body: expected/);
});
