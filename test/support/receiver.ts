// A receiver of purge requests: a plain HTTP server that keeps what it was sent, and answers as it is told.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from './wait.ts';

export interface Received {
  method: string;
  target: string;
  fields: Record<string, string | string[] | undefined>;
  body: string;
  status: number;
}

export class Receiver {
  readonly received: Received[] = [];
  /** The status of the next answer, by what was sent; 0: none. */
  answer: (request: Omit<Received, 'status'>) => number = () => 200;
  /** What an answer says first. */
  said = '';
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param port 0: a free one. */
  static async start(port = 0): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', async (request, response) => {
      let body = '';
      for await (const piece of request.setEncoding('utf8')) body += piece;
      const { method = '', url: target = '', headers: fields } = request;
      const status = receiver.answer({ method, target, fields, body });
      receiver.received.push({ method, target, fields, body, status });
      if (status === 0) return;
      response.writeHead(status);
      response.end(`${receiver.said}answered ${status} to ${fields.authorization ?? ''}\n`);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get taken(): Received[] {
    return this.received.filter(({ status }) => status >= 200 && status < 300);
  }

  /** Resolves with what was taken when it is so much. */
  async until(count: number): Promise<Received[]> {
    await until(
      () => this.taken.length,
      (taken) => taken >= count,
      `requests, ${count} of them`,
    );
    return this.taken;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    // In this order: Bun's close() forgets the connections.
    this.#server.closeAllConnections();
    this.#server.close();
    await closed;
  }
}
