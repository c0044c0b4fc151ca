// A data folder belongs to one store: its journals hold counts that only this store may get.
// Refuses a folder that another kind of store has used, before anything is read or written there;
// a recovery would put what one store lacks into the other, and could complete it in neither.
// Never changes anything.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from './config.ts';
import { CounterError } from './model/errors.ts';

export async function refuseOtherStore({
  dataDir,
  store,
}: Pick<Config, 'dataDir' | 'store'>): Promise<void> {
  const embedded = await exists(path.join(dataDir, 'store'));
  if (store === 'hbase' && embedded) {
    throw otherStore(`${dataDir} belongs to an embedded store: HBase needs another data folder`);
  }
  if (store === 'embedded' && !embedded && (await holdsAny(path.join(dataDir, 'journal')))) {
    const detail = `${dataDir} holds the journal of an HBase store, and no embedded one`;
    throw otherStore(`${detail}: take another data folder`);
  }
}

async function exists(place: string): Promise<boolean> {
  return stat(place).then(
    () => true,
    () => false,
  );
}

/** A folder that cannot be read is told by whoever needs it. */
async function holdsAny(folder: string): Promise<boolean> {
  return readdir(folder).then(
    (names) => names.length > 0,
    () => false,
  );
}

function otherStore(detail: string): CounterError {
  return new CounterError('DATA_DIR_OF_OTHER_STORE', 'give-up', { detail });
}
