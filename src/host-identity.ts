// Who this machine is to others on the same registry: its name and the boot that it runs on.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { HostIdentity } from './ingest/death-proof.ts';

export async function identityOfHost(): Promise<HostIdentity> {
  // A machine without one proves nobody's death at once: recovery then waits for silence.
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return { host: hostname(), bootId: bootId.trim() };
}
