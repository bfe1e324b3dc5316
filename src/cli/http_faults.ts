// Translates the runtimes' connection errors, which differ in codes and words, into sentences.

export class ServerFault extends Error {
  /** Whether a retry would fail in the same way. */
  readonly lasting: boolean;
  /** Whether no server listens at the address. */
  readonly absent: boolean;
  constructor(message: string, kind: { lasting?: boolean; absent?: boolean }, options: ErrorOptions) {
    super(message, options);
    this.lasting = kind.lasting ?? false;
    this.absent = kind.absent ?? false;
  }
}

/** Matched with the error's code or message: Node and Bun use OpenSSL's codes, Deno the words of rustls. */
const kinds: [RegExp, string, { lasting?: boolean; absent?: boolean }][] = [
  [/CERT_HAS_EXPIRED|certificate has expired|Expired/i, 'its certificate has expired', { lasting: true }],
  [
    /ALTNAME|NotValidForName|not valid for name/i,
    'its certificate is for other names; ask by one of them',
    { lasting: true },
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|UnknownIssuer|self.signed|unable to (verify|get)|CaUsedAsEndEntity/i,
    'its certificate is signed by nobody known here; name the PEM file of who signed it with --cacert',
    { lasting: true },
  ],
  [
    /EPROTO|WRONG_VERSION|wrong version|packet length too long|InvalidContentType|corrupt message/i,
    'no TLS is spoken there; is it an http:// server?',
    { lasting: true },
  ],
  [/ENOTFOUND|EAI_NONAME|failed to lookup/i, 'there is no host of this name', { lasting: true }],
  [/ECONNREFUSED|connection refused/i, 'no server answers there', { absent: true }],
  [/ENOENT/, 'no server answers there', { absent: true }],
  [/EACCES/, 'only the user who runs the server may ask it', { lasting: true }],
  [/EHOSTUNREACH|ENETUNREACH/, 'there is no way to this host from here', { absent: true }],
];

/** @param request for the message, for example `PUT /o/files/a`. */
export function faultOf(cause: unknown, url: URL, request: string): ServerFault {
  const { code = '', message = String(cause) } = cause as NodeJS.ErrnoException;
  const where = url.origin;
  const known = kinds.find(([words]) => words.test(code) || words.test(message));
  if (known) return new ServerFault(`${where}: ${known[1]}`, known[2], { cause });
  const changed = message.startsWith('the file changed');
  return new ServerFault(`${where}: ${request}: ${message}`, { lasting: changed }, { cause });
}
