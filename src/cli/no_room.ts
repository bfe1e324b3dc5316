// What a command says when there is no room for what it writes to a store.

import { constants } from 'node:os';
import { sep } from 'node:path';
import { errors, SealgateError } from '../errors.ts';
import { isFull } from '../full_disk.ts';

const { ENOSPC, EDQUOT } = constants.errno;
/** LMDB gives numbers as codes; Deno has no name for EDQUOT. */
const isOf = ({ code, errno }: NodeJS.ErrnoException, wanted: number) =>
  errno === -wanted || (code as unknown) === wanted;

/** The error with the path of the store and what to do, if it is for want of room there; else undefined. */
export function noRoomIn(root: string, error: unknown): SealgateError | undefined {
  const chain = causesOf(error);
  const isOurs =
    error instanceof SealgateError
      ? error.message === errors['store-full'].detail
      : chain.every(({ path = root }) => path === root || path.startsWith(root + sep));
  const isQuota = chain.some((each) => each.code === 'EDQUOT' || isOf(each, EDQUOT));
  const lacks = (each: NodeJS.ErrnoException) => isFull(each.code) || isOf(each, ENOSPC);
  if (!isOurs || !(isQuota || chain.some((each) => lacks(each) || each.code === 'store-full')))
    return undefined;
  return new SealgateError('store-full', noRoom(root, isQuota), { cause: error });
}

/** @param isQuota it is a quota of the file system that is used up. */
export function noRoom(root: string, isQuota = false): string {
  const what = isQuota
    ? 'the quota that its disk has for the store is used up; raise it'
    : 'there is no space left for the store; make room on its disk';
  const remedy = "or free some with 'sealgate rm' and 'sealgate gc', then run the same command again";
  return `${root}: ${what}, ${remedy}`;
}

function causesOf(error: unknown): NodeJS.ErrnoException[] {
  const chain: NodeJS.ErrnoException[] = [];
  for (let each = error; each instanceof Error && chain.length < 8; each = each.cause) chain.push(each);
  return chain;
}
