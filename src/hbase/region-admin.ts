// What is done to regions: moved, split, merged (the master does it), flushed, compacted (their
// servers do it). Promises that it is done when it returns. A region that has moved since is found
// again; one that is no more is a failure, never another region.
import { CounterError } from '../model/errors.ts';
import { hbaseRegionPollMs } from '../limits.ts';
import { messageIn } from './connection.ts';
import type { Connections } from './connections.ts';
import { persist, timeoutFailure } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { toCounterError } from './failures.ts';
import type { Locator } from './locator.ts';
import { nonces } from './master.ts';
import type { Master } from './master.ts';
import { messages } from './messages.ts';
import type {
  Message,
  RegionInfoResponse,
  RegionSpecifier,
  ServerNameMessage,
} from './messages.ts';
import type { HBaseObserver } from './observer.ts';
import type { Region } from './regions.ts';
import { splitName } from './table-name.ts';

export interface RegionAdminOptions {
  readonly master: Master;
  readonly connections: Connections;
  readonly locator: Locator;
  readonly observer: HBaseObserver;
  readonly rpcTimeoutMs: number;
}

const compactionNone = 0;
/** One without fields: its length, 0. */
const emptyMessage = Buffer.alloc(1);

export class RegionAdmin {
  readonly #options: RegionAdminOptions;

  constructor(options: RegionAdminOptions) {
    this.#options = options;
  }

  async move(region: Region, to: ServerNameMessage, deadline: Deadline): Promise<void> {
    const body = messages.moveRegion.encodeDelimited({
      region: byEncodedName(region),
      destServerName: to,
    });
    await this.#options.master.call('MoveRegion', body, null, deadline);
  }

  /** Waits first until the region holds no part of one that was split or merged before. */
  async split(region: Region, splitRow: Buffer, deadline: Deadline): Promise<void> {
    await this.#until(region, 'be split', deadline, ({ splittable }) => splittable);
    const { table, id } = nameParts(region);
    const { startKey, endKey } = region;
    const tableName = splitName(table);
    const regionInfo = { regionId: id, tableName, startKey, endKey, offline: false, split: false };
    await this.#procedure('SplitRegion', deadline, () =>
      messages.splitRegion.encodeDelimited({ regionInfo, splitRow, ...nonces() }),
    );
  }

  /** Of neighbours. Waits as split does. */
  async merge(regions: readonly Region[], deadline: Deadline): Promise<void> {
    for (const region of regions) {
      await this.#until(region, 'be merged', deadline, ({ mergeable }) => mergeable);
    }
    const region = regions.map((one) => byEncodedName(one));
    await this.#procedure('MergeTableRegions', deadline, () =>
      messages.mergeRegions.encodeDelimited({ region, ...nonces() }),
    );
  }

  /** What it holds in memory is in a file when this returns. */
  async flush(region: Region, deadline: Deadline): Promise<void> {
    const body = messages.flushRegion.encodeDelimited({ region: byName(region) });
    await this.#ask('FlushRegion', region, body, null, deadline);
  }

  /** `major`: into one file, without what is deleted or over the versions kept. */
  async compact(
    region: Region,
    { major }: { readonly major: boolean },
    deadline: Deadline,
  ): Promise<void> {
    const body = messages.compactRegion.encodeDelimited({ region: byName(region), major });
    await this.#ask('CompactRegion', region, body, null, deadline);
    await this.#until(
      region,
      'end its compaction',
      deadline,
      ({ compactionState }) => compactionState === compactionNone,
    );
  }

  /** A region that was merged waits until the master has forgotten what it was merged from. */
  async #procedure(method: string, deadline: Deadline, body: () => Buffer): Promise<void> {
    const { master } = this.#options;
    for (;;) {
      try {
        await master.procedure(method, body(), null, deadline);
        return;
      } catch (error) {
        const failure = toCounterError(error);
        if (!failure.message.includes('has a merge qualifier')) throw failure;
        await master.call('RunCatalogScan', emptyMessage, null, deadline);
        if (!(await deadline.wait(hbaseRegionPollMs))) throw failure;
      }
    }
  }

  async #until(
    region: Region,
    what: string,
    deadline: Deadline,
    isSo: (info: RegionInfoResponse) => boolean,
  ): Promise<void> {
    const question = { region: byName(region), compactionState: true };
    const body = messages.getRegionInfo.encodeDelimited(question);
    for (;;) {
      const message = messages.regionInfoResponse;
      if (isSo(await this.#ask('GetRegionInfo', region, body, message, deadline))) return;
      if (!(await deadline.wait(hbaseRegionPollMs))) {
        throw timeoutFailure(`${region.name.toString('latin1')} could not ${what} in time`);
      }
    }
  }

  /** Where the region is now. What is known may be older than the region itself: meta decides. */
  async #find(table: string, region: Region, deadline: Deadline): Promise<Region> {
    const { locator } = this.#options;
    const known = await locator.locate(table, region.startKey, deadline);
    if (known.name.equals(region.name)) return known;
    locator.failed(table, known, replaced());
    const now = await locator.locate(table, region.startKey, deadline);
    if (now.name.equals(region.name)) return now;
    throw gone(region);
  }

  /** Asks the server where the region is now. */
  async #ask<Decoded>(
    method: string,
    region: Region,
    body: Buffer,
    message: Message<never, Decoded> | null,
    deadline: Deadline,
  ): Promise<Decoded> {
    const { connections, locator, observer, rpcTimeoutMs } = this.#options;
    const { table } = nameParts(region);
    return await persist(
      deadline,
      () => observer.retry(method),
      async () => {
        const now = await this.#find(table, region, deadline);
        try {
          const request = {
            method,
            body,
            cellBytes: 0,
            timeoutMs: Math.min(rpcTimeoutMs, deadline.leftMs()),
            signal: deadline.signal,
          };
          return await connections.ask(now.server, 'AdminService', request, (reply) =>
            messageIn(reply, message),
          );
        } catch (error) {
          locator.failed(table, now, toCounterError(error));
          throw error;
        }
      },
    );
  }
}

function replaced(): CounterError {
  return new CounterError('STORE_REGION_MOVED', 'relocate', {
    detail: 'another has taken its place',
  });
}

function gone({ name }: Region): CounterError {
  return new CounterError('STORE_REGION_GONE', 'give-up', {
    detail: `${name.toString('latin1')} is no more: it was split or merged`,
  });
}

function byName({ name }: Region): RegionSpecifier {
  return { type: 1, value: name };
}

function byEncodedName(region: Region): RegionSpecifier {
  return { type: 2, value: Buffer.from(nameParts(region).encodedName) };
}

/** Of `table,start key,id.encoded name.`, where the start key may hold any byte. */
function nameParts({ name }: Region): {
  readonly table: string;
  readonly id: number;
  readonly encodedName: string;
} {
  const whole = name.toString('latin1');
  const parts = /,(\d+)\.([0-9a-f]{32})\.$/.exec(whole);
  const table = whole.slice(0, whole.indexOf(','));
  return { table, id: Number(parts?.[1]), encodedName: parts?.[2] ?? '' };
}
