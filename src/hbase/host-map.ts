// Names that region servers register under, replaced by the addresses to dial. A place without a
// DNS for them (a container network, a proxy before each server) needs it; with ports, because
// several servers may share a name.
import { CounterError } from '../model/errors.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** By `name:port`. */
export type HostMap = ReadonlyMap<string, ServerAddress>;

/** `name:port=address:port`, separated by commas. */
export function parseHostMap(text: string): HostMap {
  const map = new Map<string, ServerAddress>();
  for (const entry of text.split(',')) {
    const trimmed = entry.trim();
    if (trimmed === '') continue;
    const [name, address, ...more] = trimmed.split('=').map((side) => parseAddress(side));
    if (name === null || address === null || !name || !address || more.length > 0) {
      throw new CounterError('HBASE_HOST_MAP_INVALID', 'give-up', {
        detail: `"${trimmed}" is not name:port=address:port`,
      });
    }
    map.set(addressText(name), address);
  }
  return map;
}

export function addressText(address: ServerAddress): string {
  return `${address.host}:${address.port}`;
}

function parseAddress(text: string): ServerAddress | null {
  const match = /^\[?([^\s[\]]+)\]?:(\d{1,5})$/.exec(text.trim());
  const host = match?.[1];
  const port = Number(match?.[2]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}
