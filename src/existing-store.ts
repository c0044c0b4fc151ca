// Opens the store of a data folder for a command, and closes it. Never creates one: a command that
// was pointed at the wrong folder must say so, and leave it as it was.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from './config.ts';
import type { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import type { Clock } from './model/clock.ts';
import { CounterError } from './model/errors.ts';
import { openRowStore } from './open-row-store.ts';
import { refuseOtherStore } from './store-folder.ts';
import { StoreLink } from './store/store-link.ts';
import { version } from './version.ts';

export interface ExistingStoreOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ExistingStore {
  /** Reached: it is open, its schema fits, and its clock was heard if it tells one. */
  readonly link: StoreLink;
  readonly metrics: Metrics;
}

/** Errors: STORE_LOCKED (a service runs on it), NO_STORE, and those of a store out of reach. */
export async function withExistingStore<T>(
  options: ExistingStoreOptions,
  use: (store: ExistingStore) => Promise<T>,
): Promise<T> {
  const { config } = options;
  await refuseOtherStore(config);
  if (config.store === 'embedded') await refuseMissing(path.join(config.dataDir, 'store'));
  return withStore(options, use);
}

/** The same for whoever does not touch the data folder, whichever store it belongs to. */
export async function withStore<T>(
  { config, clock, log }: ExistingStoreOptions,
  use: (store: ExistingStore) => Promise<T>,
): Promise<T> {
  const metrics = new Metrics({ version });
  const rows = await openRowStore(config, log, metrics);
  try {
    const guard = { createIfMissing: false, salts: config.hbaseSalts };
    const link = new StoreLink({ rows, guard, clock, log });
    await link.reach();
    return await use({ link, metrics });
  } finally {
    await rows.close();
  }
}

async function refuseMissing(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  const detail = `${folder} is not there, so no service has counted into this data folder`;
  throw new CounterError('NO_STORE', 'give-up', { detail });
}
