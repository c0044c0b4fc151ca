// Suites on a real HBase. Without Java or Maven they are skipped, loudly; with CI set they fail.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { clientOptions, inTime } from './client-options.ts';
import { whatIsMissing } from './server/jars.ts';
import { sharedHBase } from './server/shared.ts';
import type { SharedHBase } from './server/shared.ts';
import { hbaseRoot } from './server/standalone.ts';

export const startTimeoutMs = 240_000;
export const family = Buffer.from('c');

export interface OnHBase {
  readonly shared: SharedHBase;
  readonly client: HBaseClient;
}

/** A suite on the shared HBase, with a client of its own. */
export function describeOnHBase(name: string, suite: (on: () => OnHBase) => void): void {
  describeWithJava(name, () => {
    let on: OnHBase | null = null;
    beforeAll(async () => {
      const shared = await sharedHBase();
      on = { shared, client: new HBaseClient(clientOptions(shared.zookeeper)) };
    }, startTimeoutMs);
    afterAll(() => on?.client.close());
    suite(() => {
      if (on === null) throw new Error('HBase did not start');
      return on;
    });
  });
}

/** The same, for suites that start an HBase of their own. */
export function describeWithJava(name: string, suite: () => void): void {
  const missing = whatIsMissing(hbaseRoot);
  const skip = missing !== null && process.env['CI'] === undefined;
  if (skip) process.stderr.write(`\nSKIPPED: ${name}. ${missing}\n`);
  const describeOrSkip = skip ? describe.skip : describe;
  describeOrSkip(name, () => {
    if (missing === null || skip) {
      suite();
      return;
    }
    test('Java and Maven are here', () => {
      expect(missing).toBeNull();
    });
  });
}

let tables = 0;

/** A table for one test alone. */
export async function newTable(
  { client }: OnHBase,
  splitKeys: readonly Buffer[] = [],
): Promise<{ readonly table: string; readonly family: Buffer }> {
  const table = `t${process.pid}_${Date.now()}_${tables++}`;
  const families = new Map([['c', new Map([['VERSIONS', '1']])]]);
  await client.createTable({ name: table, families, splitKeys }, inTime);
  return { table, family };
}
