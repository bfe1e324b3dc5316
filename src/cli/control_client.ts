// ControlClient: requests to a running server's control plane, over TCP or a unix socket. Uses node:http,
// because fetch cannot use unix sockets on all runtimes.

import { type ClientRequest, request as http, type RequestOptions } from 'node:http';
import { request as https } from 'node:https';
import type { Command } from 'commander';
import { loadConfig } from '../config/config.ts';
import { controlUrl } from '../control_address.ts';
import { Patience } from '../patience.ts';
import { readNamed } from '../regular_file.ts';
import { textOf } from './http_client.ts';
import { problemIn, remedyOf, withRemedy } from './refusals.ts';
import { NoServer } from './say.ts';

/** Milliseconds to wait for a response, and for the rest of it. */
const longest = 30_000;

const wantsToken =
  "wants a token; make one with 'sealgate token add control:operate', and give it in --token-file or " +
  '$SEALGATE_TOKEN';

export interface ControlOptions {
  config?: string;
  control?: string;
  tokenFile?: string;
  cacert?: string;
}

export function withControl(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (default: ./sealgate.json; $SEALGATE_CONFIG)')
    .option(
      '--control <url>',
      "URL of the server's control plane: http://, https:// or unix:; $SEALGATE_CONTROL",
    )
    .option(
      '--token-file <file>',
      'file with a token of scope control:read or control:operate; $SEALGATE_TOKEN',
    )
    .option('--cacert <file>', 'PEM file with the CA of the control plane’s certificate');
}

export class ControlClient {
  readonly #url: string;
  readonly #options: RequestOptions;
  readonly #patience: number;

  private constructor(url: string, options: RequestOptions, patience: number) {
    this.#url = url;
    this.#options = options;
    this.#patience = patience;
  }

  static async of(options: ControlOptions, patience = longest): Promise<ControlClient> {
    const flags = { 'control.listen': { flag: '--control', value: options.control } };
    const { control } = await loadConfig({ file: options.config, flags });
    const url = controlUrl(control.listen);
    const token = options.tokenFile
      ? (await readNamed(options.tokenFile)).toString().trim()
      : process.env.SEALGATE_TOKEN;
    const own = url.startsWith('https:') ? control.certificate : undefined;
    const trusted = options.cacert ?? own;
    const trust = {
      headers: token ? { authorization: `Bearer ${token}` } : {},
      ...(trusted !== undefined && { ca: await readNamed(trusted) }),
    };
    return new ControlClient(url, trust, patience);
  }

  /**
   * The response's JSON. Rejects with the server's error message, or with the reason why it cannot be
   * reached.
   */
  get<Answer>(path: string): Promise<Answer> {
    return this.#ask<Answer>('GET', path);
  }

  post<Answer>(path: string, body: unknown = {}): Promise<Answer> {
    return this.#ask<Answer>('POST', path, JSON.stringify(body));
  }

  async #ask<Answer>(method: string, path: string, body?: string): Promise<Answer> {
    const { status, text } = await this.#exchange(method, path, body).catch((cause) => {
      throw new NoServer(`${this.#url}: ${reasonOf(cause as NodeJS.ErrnoException)}`, { cause });
    });
    if (status < 300) return (text === '' ? undefined : JSON.parse(text)) as Answer;
    if (status === 401) throw new Error(`${this.#url}: ${wantsToken}`);
    const { title = '', detail = text.trim() } = problemIn(text);
    throw new Error(`${this.#url}${path}: ${withRemedy(detail, remedyOf(title))} (${status})`);
  }

  #exchange(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const asked = this.#open(method, path, body);
      const patience = new Patience(this.#patience, (why) => {
        reject(why);
        asked.destroy(why);
      });
      asked.on('error', (why) => {
        patience.end();
        reject(why);
      });
      asked.on('response', (response) => {
        patience.end();
        textOf(response, this.#patience).then(
          (text) => resolve({ status: response.statusCode ?? 0, text }),
          reject,
        );
      });
      asked.end(body);
    });
  }

  #open(method: string, path: string, body?: string): ClientRequest {
    const headers = {
      ...this.#options.headers,
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      }),
    };
    const options = { ...this.#options, method, path, headers };
    const socketPath = /^unix:(.+)$/.exec(this.#url)?.[1];
    return socketPath !== undefined
      ? http({ ...options, socketPath })
      : (this.#url.startsWith('https:') ? https : http)(new URL(path, this.#url), options);
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ECONNREFUSED' || code === 'ENOENT')
    return "no server answers there; is 'sealgate serve' running, with this --config or --control?";
  if (code === 'EACCES') return 'only the user who runs the server may ask it';
  return message;
}
