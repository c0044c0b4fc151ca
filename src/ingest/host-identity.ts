// Who this process is to others on the same registry: its machine, and that machine's boot.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

export interface HostIdentity {
  readonly host: string;
  /** Of this boot of the machine; empty where the machine has none. */
  readonly bootId: string;
}

export async function identityOfHost(): Promise<HostIdentity> {
  // A machine without one proves nobody's death at once: recovery then waits for silence.
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return { host: hostname(), bootId: bootId.trim() };
}
