// A copy as a command: what the embedded store of a data folder holds goes into HBase. Holds the
// folder's store meanwhile, so nobody counts into it. First the folder's own journals are recovered
// into its own store, as a start does: a journal belongs to one store, and what it holds reaches
// another one only as cells. Afterwards the folder still belongs to the embedded store.
import { journalFolderOf, recoverInto, refuseMissing } from './recover-data-dir.ts';
import type { Config } from './config.ts';
import { StoreCopy } from './copy/copy.ts';
import type { Copied, CopyProgress, Holdings } from './copy/copy.ts';
import { withExistingStore, withStore } from './existing-store.ts';
import type { ExistingStore } from './existing-store.ts';
import type { Finding } from './ingest/recovery-book.ts';
import { settledFates } from './ingest/recovery-book.ts';
import type { Log } from './log.ts';
import { systemClock } from './model/clock.ts';
import type { StoreLink } from './store/store-link.ts';

export interface CopyStoreOptions {
  readonly config: Config;
  readonly log: Log;
  /** Only say what there is to copy; recovers nothing either. */
  readonly isDryRun: boolean;
  readonly isCompared: boolean;
  readonly onProgress: (progress: CopyProgress) => void;
}

export interface StorePlace {
  readonly place: string;
  readonly salts: number;
}

export interface CopyStoreReport {
  readonly source: StorePlace;
  readonly target: StorePlace;
  /** What the folder's journals hold beyond the store, and could not be put into it. */
  readonly unrecovered: readonly Finding[];
  readonly holdings: Holdings;
  /** Undefined: a dry run. */
  readonly copied: Copied | undefined;
}

/** Errors: those of opening either store, NO_JOURNAL, and those of a store that went away. */
export async function copyStore(options: CopyStoreOptions): Promise<CopyStoreReport> {
  const { config, log } = options;
  // The number of salts that is configured is that of HBase.
  const embedded = { ...config, store: 'embedded', hbaseSalts: undefined } as const;
  const hbase = { ...config, store: 'hbase' } as const;
  await refuseMissing(journalFolderOf(config));
  return withExistingStore({ config: embedded, clock: systemClock, log }, (source) =>
    withStore({ config: hbase, clock: systemClock, log }, (target) =>
      copy({ ...options, config: embedded }, source, target),
    ),
  );
}

async function copy(
  { config, log, isDryRun, isCompared, onProgress }: CopyStoreOptions,
  source: ExistingStore,
  { link: target }: ExistingStore,
): Promise<CopyStoreReport> {
  const { retentionDays } = config;
  const stores = new StoreCopy({ source: source.link, target, retentionDays, onProgress });
  const findings = isDryRun
    ? []
    : await recoverInto(source, { config, log, wait: false, onWait: () => undefined });
  // Nobody else counts into this store, so a lock that is held says that something is amiss.
  const unrecovered = findings.filter(({ fate }) => !settledFates.has(fate) || fate === 'in_use');
  const holdings = await stores.look();
  const copied = isDryRun ? undefined : await stores.run(holdings, { isCompared });
  return {
    source: placeOf(source.link),
    target: placeOf(target),
    unrecovered,
    holdings,
    copied,
  };
}

function placeOf({ rows, opened }: StoreLink): StorePlace {
  return { place: rows.place, salts: opened.layout.salts };
}
