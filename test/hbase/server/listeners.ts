// Where processes listen, as the system knows it: for the promise of loopback only.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Listener {
  /** 127.0.0.1 where all is well. */
  readonly address: string;
  readonly port: number;
}

export function listenersOf(pid: number): Listener[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined ? [] : [inode];
    }),
  );
  return allListeners().filter(({ inode }) => sockets.has(inode));
}

/** Of all processes. */
export function allListeners(): (Listener & { readonly inode: string })[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    readFileSync(file, 'latin1')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === listening)
      .map((fields) => {
        const [address = '', port = ''] = (fields[1] ?? '').split(':');
        return {
          address: readable(address),
          port: Number.parseInt(port, 16),
          inode: fields[9] ?? '',
        };
      }),
  );
}

const listening = '0A';

/** Four bytes in the order of the machine; a longer one of IPv6 stays as it is. */
function readable(hex: string): string {
  if (hex.length !== 8) return hex;
  return [...Buffer.from(hex, 'hex')].toReversed().join('.');
}

/** A descriptor may be closed meanwhile. */
function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}
