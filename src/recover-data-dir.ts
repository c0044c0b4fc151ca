// A recovery as a command: what the writers of a data folder left behind is put, from anywhere, any
// number of times, also on a copy of the folder and beside a running service. Registers, seals and
// moves files only where a death is proven; a command may wait for that proof.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as passes } from 'node:timers/promises';
import type { Config } from './config.ts';
import { withExistingStore } from './existing-store.ts';
import type { ExistingStore } from './existing-store.ts';
import { identityOfHost } from './ingest/host-identity.ts';
import { Recovery } from './ingest/recovery.ts';
import type { Finding, Fate } from './ingest/recovery-book.ts';
import { nodeDisk } from './journal/disk.ts';
import { deadAfterMs, recoverPollMs } from './limits.ts';
import type { Log } from './log.ts';
import { systemClock } from './model/clock.ts';
import type { Clock } from './model/clock.ts';
import { CounterError } from './model/errors.ts';
import { tryLock } from './store/embedded/folder-lock.ts';

export interface RecoverOptions {
  readonly config: Config;
  readonly log: Log;
  /** Until silence has proven who is dead. */
  readonly wait: boolean;
  /** Told before each wait: how many writers lack a proof. */
  readonly onWait: (writers: number) => void;
  readonly clock?: Clock;
  /** Between two looks; tests pass time by their clock instead. */
  readonly waitFor?: (ms: number) => Promise<unknown>;
}

/** What another look may change. */
const mayChange: ReadonlySet<Fate> = new Set<Fate>(['unproven', 'unregistered', 'failed']);

/** Errors: NO_JOURNAL, and those of opening the store. */
export async function recoverDataDir(options: RecoverOptions): Promise<readonly Finding[]> {
  const { config, log, clock = systemClock } = options;
  await refuseMissing(journalFolderOf(config));
  return withExistingStore({ config, clock, log }, (store) => recoverInto(store, options));
}

/** The same for whoever has opened the store already. */
export async function recoverInto(
  store: ExistingStore,
  options: RecoverOptions,
): Promise<readonly Finding[]> {
  const { config, log, wait, clock = systemClock, waitFor = passes } = options;
  const recovery = new Recovery({
    disk: nodeDisk,
    journalFolder: journalFolderOf(config),
    link: store.link,
    identity: await identityOfHost(),
    isOwn: () => false,
    tryLock,
    monotonicMs: () => clock.monotonicMs(),
    retentionDays: config.retentionDays,
    metrics: store.metrics,
    log,
  });
  const untilMs = clock.monotonicMs() + deadAfterMs + 2 * recoverPollMs;
  for (;;) {
    // What failed stands in the findings, writer by writer; the others are settled all the same.
    await recovery.pass().catch((thrown: unknown) => {
      if (recovery.book.findings.length === 0) throw thrown;
    });
    const { findings } = recovery.book;
    const open = findings.filter(({ fate }) => mayChange.has(fate)).length;
    if (!wait || open === 0 || clock.monotonicMs() >= untilMs) return findings;
    options.onWait(open);
    await waitFor(recoverPollMs);
  }
}

export function journalFolderOf({ dataDir }: Config): string {
  return path.join(dataDir, 'journal');
}

/** Errors: NO_JOURNAL. */
export async function refuseMissing(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new CounterError('NO_JOURNAL', 'give-up', { detail: `${folder} is not there` });
}
