// Holds a table to a writer's book by HBase's own client (LedgerCheck.java beside this file).
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SharedHBase } from '../server/shared.ts';
import { runJavaFile } from './run.ts';

export interface JavaVerdict {
  readonly cells: number;
  readonly rows: number;
  readonly lost: number;
  readonly misread: number;
  readonly repeated: number;
  /** Of all cells as lines, in the order of the scan. */
  readonly digest: string;
  readonly examples: readonly string[];
}

export async function checkByJava(
  hbase: SharedHBase,
  table: string,
  book: Iterable<string>,
): Promise<JavaVerdict> {
  const folder = await mkdtemp(path.join(tmpdir(), 'adcounter-ledger-'));
  try {
    const file = path.join(folder, 'book');
    await writeFile(file, [...book].map((line) => `${line}\n`).join(''));
    const lines = (await runJavaFile(hbase, 'LedgerCheck.java', [hbase.zookeeper, table, file]))
      .trimEnd()
      .split('\n');
    const words = (lines.at(-1) ?? '').split(' ');
    const named = new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1]]] : [])));
    const number = (name: string): number => {
      const value = Number(named.get(name));
      if (!Number.isInteger(value)) throw new Error(`no verdict in: ${lines.at(-1)}`);
      return value;
    };
    return {
      cells: number('cells'),
      rows: number('rows'),
      lost: number('lost'),
      misread: number('misread'),
      repeated: number('repeated'),
      digest: named.get('digest') ?? '',
      examples: lines.filter((line) => line.startsWith('wrong ')),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}
