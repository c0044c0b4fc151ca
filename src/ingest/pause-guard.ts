// Knows whether this process stood still (stopped, asleep, a blocked event loop), by either clock:
// the monotonic one stands still while a machine sleeps. Whoever stood still may have been taken
// for dead, so its registry cell and the store's clock are read before it acknowledges again.
// Never waits for a store that does not answer: then another identity goes on, unregistered.
import { pauseCheckMs, pauseMs } from '../limits.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../model/clock.ts';
import type { StoreLink } from '../store/store-link.ts';
import type { WriterRun } from './writer-run.ts';

export interface PauseGuardOptions {
  readonly clock: Clock;
  readonly link: StoreLink;
  readonly run: () => WriterRun | undefined;
  readonly log: Log;
}

type Standing = 'ours' | 'foreign' | 'unknown';

export class PauseGuard {
  readonly #options: PauseGuardOptions;
  #wallMs: number;
  #monotonicMs: number;
  /** For how long it stood still; 0: not since it was last settled. */
  #stoodStillMs = 0;
  #settling: Promise<void> | undefined;

  constructor(options: PauseGuardOptions) {
    this.#options = options;
    this.#wallMs = options.clock.wallMs();
    this.#monotonicMs = options.clock.monotonicMs();
  }

  /** Called far more often than a pause is long. */
  look(): void {
    const wallMs = this.#options.clock.wallMs();
    const monotonicMs = this.#options.clock.monotonicMs();
    const byWallMs = wallMs - this.#wallMs;
    const byMonotonicMs = monotonicMs - this.#monotonicMs;
    // A wall clock that was set back hides how long a machine slept: nobody can say.
    const passedMs = Math.max(byWallMs, byMonotonicMs, byMonotonicMs - byWallMs);
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    if (passedMs > pauseMs) this.#stoodStillMs = passedMs;
  }

  /**
   * Undefined: nothing stands against an acknowledgement. Else it waits for the promise; after it
   * the current identity is known to be ours, or it has ended.
   */
  settled(): Promise<void> | undefined {
    this.look();
    if (this.#stoodStillMs === 0) return this.#settling;
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #settle(): Promise<void> {
    const { run: runNow, log } = this.#options;
    const run = runNow();
    // Another pause while this one is looked into counts anew.
    const pausedMs = this.#stoodStillMs;
    this.#stoodStillMs = 0;
    if (run === undefined) return;
    const standing = await Promise.race([this.#standingOf(run), unknownAfter(pauseCheckMs)]);
    const fields = { writer_id: run.writer, paused_ms: Math.round(pausedMs), standing };
    const what =
      'This process stood still, or its wall clock was set back; its registry cell was read';
    log.warn('process.paused', what, fields);
    if (standing === 'foreign') run.disown();
    // What is not registered carries no acceptance quarter: nothing that was called complete can
    // change by it. So whoever cannot ask goes on as somebody whom nobody has taken for dead.
    else if (standing === 'unknown' && run.registered) run.end('pause_unverified');
    else this.#lookAtClocks(run);
  }

  async #standingOf(run: WriterRun): Promise<Standing> {
    const { link } = this.#options;
    try {
      await link.reach();
      if (run.chain !== undefined) return await run.chain.verify();
      return (await link.registry.read(run.writer)) === undefined ? 'ours' : 'foreign';
    } catch {
      // Away, or another schema: the round says which.
      return 'unknown';
    }
  }

  /** A machine that slept has a wall clock that leapt, and the store to confirm it. */
  #lookAtClocks(run: WriterRun): void {
    const { link } = this.#options;
    const storeMs = link.nowMs();
    if (storeMs === undefined) return;
    run.clock.nowMs();
    run.clock.observeStore(storeMs);
    if (run.clock.canBeReplaced(link.rows.kind === 'hbase')) run.end('clock_leapt');
  }
}

function unknownAfter(ms: number): Promise<Standing> {
  return new Promise((resolve) => {
    setTimeout(() => resolve('unknown'), ms).unref();
  });
}
