// A data folder that an embedded store had used was started with HBase: the recovery put what the
// embedded store lacked into HBase, and left a gap there that nothing closes.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { configOfProcess } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { Metrics } from '../../src/metrics.ts';
import { startService } from '../../src/service.ts';
import { refuseOtherStore } from '../../src/store-folder.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'adcounter-folder-'));
});

afterEach(() => rm(dataDir, { recursive: true }));

async function start(flags: Readonly<Record<string, string>>): Promise<void> {
  const loaded = configOfProcess({ 'data-dir': dataDir, 'http-port': '0', ...flags }, true);
  if (!('config' in loaded)) throw new Error(loaded.mistakes.join());
  const { config } = loaded;
  const log = createLog('silent');
  const service = await startService({ config, log, metrics: new Metrics({ version: '0' }) });
  await service.stop();
}

test('HBase is not given the folder of an embedded store', async () => {
  await start({});
  await expect(start({ 'hbase-zookeeper': '127.0.0.1:1' })).rejects.toThrow(
    /DATA_DIR_OF_OTHER_STORE: .* belongs to an embedded store/,
  );
  await start({});
});

test('an embedded store is not begun in a folder with the journal of HBase', async () => {
  const segment = path.join(dataDir, 'journal', '00000000000000aa', '00000001.segment');
  await mkdir(path.dirname(segment), { recursive: true });
  await writeFile(segment, '');
  await expect(start({})).rejects.toThrow(/DATA_DIR_OF_OTHER_STORE: .* journal of an HBase store/);
  await refuseOtherStore({ dataDir, store: 'hbase' });
});

test('a folder that is new, or not there, may become that of either', async () => {
  for (const store of ['embedded', 'hbase'] as const) {
    for (const folder of [dataDir, path.join(dataDir, 'none')]) {
      await expect(refuseOtherStore({ dataDir: folder, store })).resolves.toBeUndefined();
    }
  }
});
