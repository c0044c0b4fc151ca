// A process that puts batch after batch into an embedded store and tells each that was confirmed:
// its tests kill it. Arguments: data folder, number of the first batch.
import { writeSync } from 'node:fs';
import { PutBatch } from '../../src/model/rows.ts';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';

/** More than one synced write of the store. */
export const rowsPerBatch = 2_500;

if (process.argv[1] === import.meta.filename) {
  const [dataDir = '', first = '1'] = process.argv.slice(2);
  const store = await EmbeddedRowStore.open({ dataDir });
  for (let version = Number(first); ; version++) {
    const batch = new PutBatch(rowsPerBatch);
    for (let row = 0; row < rowsPerBatch; row++) {
      const value = Buffer.from(`${version}`);
      batch.add({ row: Buffer.from(`${row}`), qualifier: Buffer.of(1), value, version });
    }
    const outcome = await store.put('counts', batch, { timeoutMs: 30_000 });
    if (outcome.confirmedCount !== rowsPerBatch) throw new Error('not all puts were confirmed');
    // Past the process at once: what is told here was confirmed, whatever happens next.
    writeSync(1, `${version}\n`);
  }
}
