// `npm run hbase:up` and `npm run hbase:down`: a real HBase for trying adcounter out.
// Ready when `up` returns; it stays until `down`. Everything lies under .hbase/up, data included.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { addressIn, endOrphan, hbaseRoot, startHBase } from './standalone.ts';

const folder = path.resolve(process.env['TEST_HBASE_FOLDER'] ?? path.join(hbaseRoot, 'up'));

try {
  if (process.argv[2] === 'down') await down();
  else await up();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function up(): Promise<void> {
  const running = addressIn(folder);
  const zookeeper = running ?? (await start());
  process.stdout.write(running === null ? 'HBase is up. Use it with\n' : 'HBase was up already:\n');
  process.stdout.write(`ADCOUNTER_HBASE_ZOOKEEPER=${zookeeper}\n`);
}

async function start(): Promise<string> {
  const { zookeeper } = await startHBase({
    folder,
    ports: {
      ...port('zookeeper', 'TEST_HBASE_ZOOKEEPER_PORT'),
      ...port('master', 'TEST_HBASE_MASTER_PORT'),
      ...port('regionServer', 'TEST_HBASE_REGION_SERVER_PORT'),
    },
  });
  return zookeeper;
}

async function down(): Promise<void> {
  const was = existsSync(folder) && (await endOrphan(folder, 'SIGTERM'));
  process.stdout.write(was ? 'HBase is down.\n' : 'No HBase was up.\n');
}

function port(name: string, variable: string): Readonly<Record<string, number>> {
  const value = process.env[variable];
  if (value === undefined || value === '') return {};
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new Error(`${variable} must be a port, not "${value}".`);
  }
  return { [name]: number };
}
