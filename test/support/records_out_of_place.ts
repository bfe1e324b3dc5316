// Records that do not belong on an established connection, and the alerts that they are answered with: those
// that OpenSSL gives, whoever receives and whoever sends.

export interface OutOfPlace {
  what: string;
  send: (string | number)[];
  /** What the client receives after it; an alert is written `level description`. */
  expected: string[];
}

const unexpected = ['alert 2 10', 'closed'];
const illegal = ['alert 2 47', 'closed'];
const tls13: OutOfPlace[] = [
  { what: 'a record that does not authenticate', send: ['garbage'], expected: ['alert 2 20', 'closed'] },
  { what: 'a record of an unknown type', send: ['record', 99, '00'], expected: unexpected },
  { what: 'a ChangeCipherSpec', send: ['record', 20, '01'], expected: unexpected },
  { what: 'a heartbeat', send: ['record', 24, '010000'], expected: unexpected },
  { what: 'an empty alert', send: ['record', 21, ''], expected: unexpected },
  { what: 'half an alert', send: ['record', 21, '02'], expected: unexpected },
  { what: 'an alert and a half', send: ['record', 21, '010002'], expected: unexpected },
  { what: 'an empty handshake record', send: ['record', 22, ''], expected: unexpected },
  { what: 'a Finished', send: ['record', 22, '1400000100'], expected: unexpected },
  { what: 'a ClientHello', send: ['record', 22, '0100000100'], expected: unexpected },
  { what: 'a KeyUpdate of two bytes', send: ['record', 22, '180000020000'], expected: illegal },
  { what: 'a KeyUpdate of none', send: ['record', 22, '18000000'], expected: ['alert 2 50', 'closed'] },
  { what: 'a KeyUpdate with a value of its own', send: ['record', 22, '1800000102'], expected: illegal },
  { what: 'two KeyUpdates at once', send: ['record', 22, '18000001001800000100'], expected: unexpected },
  { what: 'a record that is too long', send: ['raw', '1703035000'], expected: ['alert 2 22', 'closed'] },
  { what: 'a record of SSL 2', send: ['raw', '1702000020'], expected: ['alert 2 70', 'closed'] },
  { what: 'a fatal alert', send: ['record', 21, '0250'], expected: ['closed'] },
  { what: 'close_notify', send: ['record', 21, '0100'], expected: ['alert 1 0', 'closed'] },
  { what: 'the end without close_notify', send: ['cut'], expected: ['alert 1 0', 'closed'] },
  {
    what: 'five times user_canceled',
    send: Array.from({ length: 5 }, () => ['record', 21, '015a']).flat(),
    expected: unexpected,
  },
];
const tls12: OutOfPlace[] = [
  { what: 'a record that does not authenticate', send: ['garbage'], expected: ['alert 2 20', 'closed'] },
  { what: 'a ChangeCipherSpec', send: ['record', 20, '01'], expected: unexpected },
  { what: 'a Finished', send: ['record', 22, '1400000100'], expected: unexpected },
  { what: 'a KeyUpdate', send: ['record', 22, '1800000100'], expected: unexpected },
  { what: 'an alert of no known level', send: ['record', 21, '0300'], expected: illegal },
  { what: 'a warning', send: ['record', 21, '015a', 'cut'], expected: ['alert 1 0', 'closed'] },
  {
    what: 'a renegotiation',
    send: ['record', 22, '0100001c'.padEnd(64, '0'), 'record', 21, '0100'],
    expected: ['alert 1 100', 'alert 1 0', 'closed'],
  },
];

/** The records of each version of the protocol. */
export const outOfPlace = { tls13, tls12 };
