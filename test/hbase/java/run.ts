// Runs the Java programs beside this file with HBase's own client, from the jars of the test HBase.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { jvmFlags } from '../server/conf.ts';
import type { SharedHBase } from '../server/shared.ts';

/** The output of Rows.java. */
export async function runJava(hbase: SharedHBase, args: readonly string[]): Promise<string> {
  const [mode = '', ...more] = args;
  return await runJavaFile(hbase, 'Rows.java', [mode, hbase.zookeeper, ...more]);
}

/** Its output, without what its libraries log. */
export async function runJavaFile(
  hbase: SharedHBase,
  file: string,
  args: readonly string[],
): Promise<string> {
  const source = fileURLToPath(new URL(file, import.meta.url));
  const { stdout } = await promisify(execFile)(
    'java',
    ['-Xmx512m', '-XX:TieredStopAtLevel=1', ...jvmFlags, '-cp', `${hbase.jars}/*`, source, ...args],
    { maxBuffer: 256 * 1_048_576, timeout: 120_000 },
  );
  return stdout;
}
