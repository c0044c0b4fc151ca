// ZooKeeper, the master or meta are away for a while: calls that need none of them go on, the
// others fail within their time and say what helps, and all go on by themselves afterwards.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { waitMs } from '../../src/hbase/deadline.ts';
import type { Discovery } from '../../src/hbase/discovery.ts';
import { HBaseClient } from '../../src/hbase/hbase-client.ts';
import { messages } from '../../src/hbase/messages.ts';
import { hbaseRetryWaitMs, hbaseRetryWaitMsMax } from '../../src/limits.ts';
import { CounterError } from '../../src/model/errors.ts';
import type { Put } from '../../src/model/rows.ts';
import { put, putAll } from './cells.ts';
import { until } from '../support/until.ts';
import { clientOptions } from './client-options.ts';
import { FakeCluster } from './fake-cluster.ts';

const place = { table: 't', family: Buffer.from('c') };

function cellAt(key: string): Put {
  return {
    row: Buffer.from(key),
    qualifier: Buffer.from([1]),
    value: Buffer.from('v'),
    version: 1,
  };
}

describe('away and back', () => {
  let cluster: FakeCluster;
  let client: HBaseClient;
  /** What is said instead of an answer; null: all is there. */
  let away: CounterError | null;
  let refused: number;
  beforeEach(async () => {
    cluster = await FakeCluster.start(['m'], 2);
    away = null;
    refused = 0;
    const answers = cluster.discovery;
    const unless = async <T>(answer: Promise<T>): Promise<T> => {
      if (away === null) return await answer;
      refused++;
      throw away;
    };
    const discovery: Discovery = {
      ...answers,
      master: (deadline) => unless(answers.master(deadline)),
      metaServer: (deadline) => unless(answers.metaServer(deadline)),
      regionServers: (deadline) => unless(answers.regionServers(deadline)),
    };
    client = new HBaseClient({ ...clientOptions('127.0.0.1:9'), discovery });
  });
  afterEach(async () => {
    client.close();
    await cluster.close();
  });

  /** While a call has asked for it in vain. */
  async function comesBack(): Promise<void> {
    const before = refused;
    await until(() => refused > before, 5_000);
    away = null;
  }

  test('without ZooKeeper a known region takes puts; another is found when it is back', async () => {
    await putAll(client, place, [cellAt('a')]);
    const [first, second] = [cluster.at(0), cluster.at(1)];
    away = new CounterError('STORE_ZOOKEEPER_UNREACHABLE', 'retry');
    cluster.metaServer = second;
    await putAll(client, place, [cellAt('b')]);
    // Meta has moved, and only ZooKeeper knows where.
    const startMs = performance.now();
    const { failures } = await put(client, place, [cellAt('n')], 2_000);
    expect(failures.get(0)).toMatchObject({ remedy: expect.stringMatching(/^re(try|locate)$/) });
    expect(performance.now() - startMs).toBeLessThan(4_000);
    const patient = putAll(client, place, [cellAt('n')]);
    await comesBack();
    await patient;
    expect(first.connections + second.connections).toBe(2);
  }, 30_000);

  test('a master that is gone is found at its new place by the call that waits for it', async () => {
    const [first, second] = [cluster.at(0), cluster.at(1)];
    const live = { liveServers: [] };
    let active = first;
    cluster.before = (call, at) => {
      if (call.method !== 'GetClusterStatus') return false;
      if (at === active) call.answer(messages.clusterStatus.encode({ clusterStatus: live }));
      else call.fail('org.apache.hadoop.hbase.ipc.ServerNotRunningYetException');
      return true;
    };
    expect(await client.servers({ timeoutMs: 5_000 })).toEqual([]);
    active = second;
    away = new CounterError('STORE_NOT_READY', 'retry');
    const hasty = client.servers({ timeoutMs: 2_000 });
    await expect(hasty).rejects.toMatchObject({ code: 'STORE_NOT_READY', remedy: 'retry' });
    const patient = client.servers({ timeoutMs: 20_000 });
    cluster.metaServer = second; // where the fake's master is, too
    await comesBack();
    expect(await patient).toEqual([]);
  }, 30_000);
});

test('waits between attempts grow to a bound, and are not alike', () => {
  for (const attempt of [0, 1, 2, 3, 100]) {
    const whole = Math.min(hbaseRetryWaitMsMax, hbaseRetryWaitMs * 2 ** attempt);
    const waits = Array.from({ length: 200 }, () => waitMs(attempt));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(whole / 2);
    expect(Math.max(...waits)).toBeLessThanOrEqual(whole);
    // So that those that failed together do not come back together.
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(whole / 4);
  }
});
