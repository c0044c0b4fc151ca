// Cuts replies after they were applied, one of each kind at a time, until each kind has had as many
// as were asked for. Counts only what the proxy says it has struck.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proxies } from '../proxy/proxies.ts';
import type { RpcKind } from '../proxy/rpc-kinds.ts';

/** All that the client sends under this load, but for a scan's end, whose reply nobody awaits. */
export const cutKinds: readonly RpcKind[] = [
  'Multi',
  'Mutate',
  'ScanOpen',
  'ScanNext',
  'MetaScan',
  'GetClusterStatus',
];

/** Every so many-th time the reply alone is lost, and its connection stays. */
const swallowEvery = 25;

export class Cutter {
  readonly hits = new Map<RpcKind, number>();
  readonly swallowed = new Map<RpcKind, number>();
  readonly #proxies: Proxies;
  #loops: Promise<void>[] = [];
  #stopped = false;

  constructor(proxies: Proxies) {
    this.#proxies = proxies;
  }

  /** Goes on until each kind has been cut so often, in all; a pause after each cut. */
  start(wanted: number, pauseMs: number): void {
    this.#stopped = false;
    this.#loops = cutKinds.map((kind) => this.#cut(kind, wanted, pauseMs));
  }

  /** Returns when each kind has had its cuts, or the time is over. */
  async done(timeoutMs: number): Promise<void> {
    const over = sleep(timeoutMs, undefined, { ref: false });
    await Promise.race([Promise.all(this.#loops), over]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    this.#proxies.disarm();
  }

  async #cut(kind: RpcKind, wanted: number, pauseMs: number): Promise<void> {
    while (!this.#stopped && (this.hits.get(kind) ?? 0) < wanted) {
      const hits = this.hits.get(kind) ?? 0;
      const act = hits % swallowEvery === swallowEvery - 1 ? 'swallow' : 'cut';
      const armed = this.#proxies.arm({ kind, times: 1, at: 'reply', act });
      while (armed.left > 0 && !this.#stopped) await sleep(10);
      if (armed.left > 0) return;
      this.hits.set(kind, hits + 1);
      if (act === 'swallow') this.swallowed.set(kind, (this.swallowed.get(kind) ?? 0) + 1);
      await sleep(pauseMs * (0.5 + Math.random()));
    }
  }
}
