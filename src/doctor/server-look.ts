// Looks at one server of HBase as the client would reach it: the host map, its name, the
// connection, the handshake and one call (the caller's), each timed. Judges nothing.
import { dial } from '../hbase/dialing.ts';
import type { HostMap, ServerAddress } from '../hbase/host-map.ts';
import { addressText } from '../hbase/host-map.ts';
import { doctorStepMs } from '../limits.ts';
import { CounterError, toError } from '../model/errors.ts';

export type Role = 'master' | 'region-server';

export interface ServerLook {
  readonly role: Role;
  /** As it registered. */
  readonly server: ServerAddress;
  /** Where the host map leads instead; null: it has no entry. */
  readonly mapped: ServerAddress | null;
  readonly addresses: readonly string[];
  readonly step: 'unresolved' | 'unconnected' | 'unanswered' | 'answered';
  /** Of the failure: the operating system's, or ours; empty where it answered. */
  readonly code: string;
  /** Of the failure, for a person. */
  readonly message: string;
  readonly connectMs: number;
  readonly answerMs: number;
  readonly ms: number;
}

export async function lookAt(
  target: { readonly role: Role; readonly server: ServerAddress },
  tools: { readonly hostMap: HostMap; readonly ask: () => Promise<void> },
): Promise<ServerLook> {
  const { role, server } = target;
  const mapped = tools.hostMap.get(addressText(server)) ?? null;
  const startMs = performance.now();
  const since = (): number => performance.now() - startMs;
  const failed = { role, server, mapped, code: '', message: '', connectMs: 0, answerMs: 0 };
  const dialled = await dial(mapped ?? server, doctorStepMs);
  const { addresses } = dialled;
  if (dialled.step !== 'connected') {
    return { ...failed, addresses, step: dialled.step, code: dialled.code, ms: since() };
  }
  dialled.socket.destroy();
  const connectedMs = since();
  const reached = { ...failed, addresses, connectMs: dialled.ms };
  try {
    await tools.ask();
    return { ...reached, step: 'answered', answerMs: since() - connectedMs, ms: since() };
  } catch (thrown) {
    const { message } = toError(thrown);
    const code = thrown instanceof CounterError ? thrown.code : 'UNKNOWN';
    return { ...reached, step: 'unanswered', code, message, ms: since() };
  }
}
