// A process of its own that holds a folder's lock until it is killed.
// Usage: lock-holder.ts journal|store <folder>; says `held` or `refused` and stays.
import { tryLock } from '../../src/store/embedded/folder-lock.ts';
import { EmbeddedRowStore } from '../../src/store/embedded/embedded-row-store.ts';
import { toError } from '../../src/model/errors.ts';

const [kind, folder = ''] = process.argv.slice(2);
try {
  const holds =
    kind === 'store' ? await EmbeddedRowStore.open({ dataDir: folder }) : await tryLock(folder);
  process.stdout.write(holds === undefined ? 'refused\n' : 'held\n');
} catch (thrown) {
  process.stdout.write(`refused ${toError(thrown).message}\n`);
}
setInterval(() => undefined, 60_000);
