// Names that region servers register under, replaced by the addresses to dial. A place without a
// DNS for them (a container network, a proxy before each server) needs it; with ports, because
// several servers may share a name.

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** By `name:port`. */
export type HostMap = ReadonlyMap<string, ServerAddress>;

export function addressText(address: ServerAddress): string {
  return `${address.host}:${address.port}`;
}
