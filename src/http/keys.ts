// Who may call what: keys to write, to read and to administer, three sets apart.
// Keeps only SHA-256 of a secret and compares in constant time. Never logs, never echoes a key.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Keys } from './ports.ts';
import { Problem } from './problems.ts';

/** `open`: whoever comes. */
export type Scope = 'write' | 'read' | 'admin' | 'open';

export interface Caller {
  /** The secret that was sent, wherever it stood. */
  readonly secret: string | undefined;
  readonly remoteAddress: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

const scopes = ['write', 'read', 'admin'] as const;

export class KeyRing {
  readonly #hashes: Readonly<Record<(typeof scopes)[number], readonly Buffer[]>>;

  constructor(keys: Keys) {
    this.#hashes = {
      write: keys.write.map(hashOfKey),
      read: keys.read.map(hashOfKey),
      admin: keys.admin.map(hashOfKey),
    };
  }

  /** Returns when the caller may go on; throws the Problem otherwise. */
  authorize(scope: Scope, caller: Caller): void {
    if (scope === 'open') return;
    const hashes = this.#hashes[scope];
    if (hashes.length === 0) {
      if (scope === 'admin' && !isLocalOperator(caller)) throw notLocal();
      return;
    }
    if (caller.secret === undefined) throw unauthorized('key_missing', `A ${scope} key is needed.`);
    const hash = sha256(caller.secret);
    if (holds(hashes, hash)) return;
    if (scopes.some((other) => holds(this.#hashes[other], hash))) {
      throw new Problem('forbidden', `The key is not a ${scope} key.`);
    }
    throw unauthorized('key_unknown', 'The key is not known.');
  }
}

/** `Authorization: Bearer …`; other schemes are no key of ours. */
export function bearerOf(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
}

function hashOfKey(key: string): Buffer {
  return sha256(key.slice(key.indexOf(':') + 1));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Looks at every hash, so that the time tells nothing about which one fitted. */
function holds(hashes: readonly Buffer[], hash: Buffer): boolean {
  let found = false;
  for (const known of hashes) found = timingSafeEqual(known, hash) || found;
  return found;
}

function unauthorized(name: 'key_missing' | 'key_unknown', detail: string): Problem {
  return new Problem(name, detail, { headers: { 'WWW-Authenticate': 'Bearer' } });
}

function notLocal(): Problem {
  return new Problem(
    'forbidden',
    'Without an admin key this call works from the machine itself only, and not through a proxy.',
  );
}

const proxyHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
];

/**
 * A loopback peer that nobody stands behind: no proxy, and no web page. A page that the operator
 * looks at can send requests to this machine too; they carry an Origin, or (when its name was
 * pointed at this machine) a Host that is not ours.
 */
function isLocalOperator({ remoteAddress, headers }: Caller): boolean {
  if (remoteAddress === undefined || !isLoopback(remoteAddress)) return false;
  if (proxyHeaders.some((name) => headers[name] !== undefined)) return false;
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (!isLoopback(host) && host.toLowerCase() !== 'localhost') return false;
  return headers.origin === undefined || headers.origin === `http://${headers.host}`;
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/i.test(address);
}
