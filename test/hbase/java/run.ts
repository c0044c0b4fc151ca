// Runs the Java program beside this file with HBase's own client, from the jars of the test HBase.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { jvmFlags } from '../server/conf.ts';
import type { SharedHBase } from '../server/shared.ts';

const source = fileURLToPath(new URL('Rows.java', import.meta.url));

/** Its output, without what its libraries log. */
export async function runJava(hbase: SharedHBase, args: readonly string[]): Promise<string> {
  const [mode = '', ...more] = args;
  const { stdout } = await promisify(execFile)(
    'java',
    [
      '-Xmx256m',
      '-XX:TieredStopAtLevel=1',
      ...jvmFlags,
      '-cp',
      `${hbase.jars}/*`,
      source,
      mode,
      hbase.zookeeper,
      ...more,
    ],
    { maxBuffer: 256 * 1_048_576, timeout: 120_000 },
  );
  return stdout;
}
