// Owns the jars of a real HBase: fetched once by Maven into one folder, shared by all instances.
// Promises a whole folder or none, however many ask at once. Never prints what Maven says.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { hbaseVersion, pom } from './conf.ts';

/** The jars, or an Error whose message says what is missing and how to get it. */
export function ensureJars(root: string): string {
  const missing = whatIsMissing(root);
  if (missing !== null) throw new Error(missing);
  const jars = jarFolder(root);
  if (existsSync(jars)) return jars;
  const work = `${jars}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  const pomFile = path.join(work, 'pom.xml');
  writeFileSync(pomFile, pom(hbaseVersion()));
  const logFile = path.join(path.dirname(jars), 'maven.log');
  const log = openSync(logFile, 'a');
  const copy = ['-B', '-f', pomFile, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  const done = spawnSync('mvn', [...copy, `-DoutputDirectory=${path.join(work, 'lib')}`], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  if (done.status !== 0) {
    rmSync(work, { recursive: true, force: true });
    throw new Error(`Maven could not fetch the jars of HBase ${hbaseVersion()}; see ${logFile}.`);
  }
  // Whoever comes second finds the folder there, and its own copy is dropped.
  if (!existsSync(jars)) renameSync(path.join(work, 'lib'), jars);
  rmSync(work, { recursive: true, force: true });
  return jars;
}

/** What this machine lacks for a real HBase, as a sentence; null: nothing. */
export function whatIsMissing(root: string): string | null {
  if (!runs('java', '-version')) {
    return (
      'Java is missing: HBase needs a JDK 17 as `java` on the PATH ' +
      '(Debian: apt-get install openjdk-17-jdk-headless).'
    );
  }
  if (!existsSync(jarFolder(root)) && !runs('mvn', '-version')) {
    return (
      'Maven is missing: it fetches the jars of HBase and must be on the PATH as `mvn` ' +
      '(Debian: apt-get install maven).'
    );
  }
  return null;
}

function jarFolder(root: string): string {
  const named = process.env['TEST_HBASE_JARS'];
  return named === undefined || named === ''
    ? path.join(root, 'jars', hbaseVersion())
    : path.resolve(named);
}

function runs(command: string, argument: string): boolean {
  return spawnSync(command, [argument], { stdio: 'ignore' }).status === 0;
}
