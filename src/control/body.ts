// The body of a request to the control plane: JSON that fits a schema, or a problem with a sentence for each
// fault.

import type { Context } from 'hono';
import type * as z from 'zod';
import { faultsOf } from '../faults.ts';
import { problem } from './problem.ts';

/** What was asked for, or the answer that refuses it. No body at all is `undefined` to the schema. */
export async function bodyOf<T>(c: Context, schema: z.ZodType<T>, title: string): Promise<T | Response> {
  const text = await c.req.text();
  const body = text === '' ? undefined : parsed(text);
  if (body instanceof SyntaxError) return problem(c, 400, title, 'The body: expected JSON.');
  const asked = schema.safeParse(body);
  return asked.success ? asked.data : problem(c, 400, title, faultsOf(body, asked.error));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}
