// Visits of a page by Chromium, and what each of its requests took off the wire.

import type { BrowserContext, Page } from 'playwright-core';
import { until } from '../support/wait.ts';

export interface Fetched {
  coding: string;
  /** Bytes that came; none from the browser's own cache. */
  head: number;
  body: number;
}

export interface Visit {
  page: Page;
  /** By path. */
  fetched: Map<string, Fetched>;
  /** What the console says of errors, and requests that failed. */
  errors: string[];
}

/**
 * Resolves once the page says that it is shown. What the browser does as it likes is left out: how much of
 * a video it fetches, and when it asks for the icon.
 */
export async function visit(context: BrowserContext, url: string): Promise<Visit> {
  const page = await context.newPage();
  page.setDefaultTimeout(120_000); // milliseconds; some machines are slow
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  const wire = await context.newCDPSession(page);
  await wire.send('Network.enable');
  const fetched = new Map<string, Fetched>();
  const pathOf = new Map<string, string>();
  const open = new Set<string>();
  wire.on('Network.requestWillBeSent', ({ requestId, request: { url: from } }) => {
    if (!from.startsWith('http') || /\/favicon\.ico$|\.mp4$/.test(from)) return;
    pathOf.set(requestId, new URL(from).pathname);
    open.add(requestId);
  });
  wire.on('Network.responseReceived', ({ requestId, response }) => {
    const path = pathOf.get(requestId);
    if (path === undefined) return;
    const coding = new Headers(response.headers).get('content-encoding') ?? '';
    fetched.set(path, { coding, head: response.encodedDataLength, body: 0 });
  });
  wire.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const found = fetched.get(pathOf.get(requestId) ?? '');
    if (found) found.body = encodedDataLength - found.head;
    open.delete(requestId);
  });
  wire.on('Network.loadingFailed', ({ requestId, errorText }) => {
    if (open.delete(requestId)) errors.push(`${pathOf.get(requestId)}: ${errorText}`);
  });
  await page.goto(url);
  await page.waitForFunction('window.shown !== undefined');
  await until(
    () => [...open].map((requestId) => pathOf.get(requestId)),
    (paths) => paths.length === 0,
    'requests that have no end',
  );
  await wire.detach();
  return { page, fetched, errors };
}
