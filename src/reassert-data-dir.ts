// A reassertion as a command: what the journals of a data folder still hold is put again, to heal a
// store that lost it or was restored. On HBase beside a running service; the embedded store is held
// by its own. Changes nothing but cells of the counts.
import type { Config } from './config.ts';
import { withExistingStore } from './existing-store.ts';
import { Reassertion } from './ingest/reassertion.ts';
import type { ReassertFinding, ReassertionOptions } from './ingest/reassertion.ts';
import { nodeDisk } from './journal/disk.ts';
import type { Log } from './log.ts';
import { systemClock } from './model/clock.ts';
import type { Cell } from './model/cell.ts';
import { journalFolderOf, refuseMissing } from './recover-data-dir.ts';
import { tryLock } from './store/embedded/folder-lock.ts';

type Chosen = 'fromMs' | 'toMs' | 'isDry' | 'evenUnknown' | 'evenIfMasked' | 'onProgress';

export interface ReassertOptions extends Pick<ReassertionOptions, Chosen> {
  readonly config: Config;
  readonly log: Log;
}

export interface ReassertReport {
  readonly findings: readonly ReassertFinding[];
  /** Some of what is put and not shown. */
  readonly maskedExamples: readonly Cell[];
}

/** Errors: NO_JOURNAL, and those of opening the store. */
export async function reassertDataDir(options: ReassertOptions): Promise<ReassertReport> {
  const { config, log, ...chosen } = options;
  const journalFolder = journalFolderOf(config);
  await refuseMissing(journalFolder);
  return withExistingStore({ config, clock: systemClock, log }, async ({ link }) => {
    const { retentionDays } = config;
    const needs = { disk: nodeDisk, journalFolder, link, tryLock, retentionDays };
    const reassertion = new Reassertion({ ...needs, ...chosen });
    const findings = await reassertion.run();
    return { findings, maskedExamples: reassertion.maskedExamples };
  });
}
