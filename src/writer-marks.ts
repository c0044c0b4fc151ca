// The registry of writers for an operator: the list, and calling one lost whose disk is gone.
// Promises: the mark replaces exactly the record that the operator was shown, so a writer that
// speaks in between is not marked. Never touches a journal or a count.
import type { Config } from './config.ts';
import { withExistingStore, withStore } from './existing-store.ts';
import { deadAfterMs } from './limits.ts';
import type { Log } from './log.ts';
import { systemClock } from './model/clock.ts';
import type { Clock } from './model/clock.ts';
import type { WriterId } from './model/writer-id.ts';
import { completenessOf } from './store/completeness.ts';
import type { Completeness } from './store/completeness.ts';
import { RegistryChain, unknownPosition } from './store/registry.ts';
import type { RegistryEntry, UnreadableEntry, WriterRecord } from './store/registry.ts';

export interface WriterMarksOptions {
  readonly config: Config;
  readonly log: Log;
  readonly clock?: Clock;
}

interface Listed {
  /** Since its record last changed, by the store's clock; undefined: nobody tells. */
  readonly silentMs: number | undefined;
}

export type ListedWriter = RegistryEntry & Listed;
export type ListedUnreadable = UnreadableEntry & Listed;

export interface WriterList extends Completeness {
  readonly writers: readonly ListedWriter[];
  readonly unreadableWriters: readonly ListedUnreadable[];
  /** Of the embedded store, which nobody else holds while we read it: all its writers are dead. */
  readonly isAlone: boolean;
}

export type MarkOutcome = 'marked' | 'unknown' | 'sealed' | 'lost_before' | 'alive' | 'declined';

/** What completeThrough is, and what it will be once the writer is lost. */
export interface MarkQuestion {
  readonly entry: ListedWriter | ListedUnreadable;
  readonly before: number | null;
  readonly after: number | null;
}

export function listWriters(options: WriterMarksOptions): Promise<WriterList> {
  return withRegistry(options, ({ list }) => Promise.resolve(list));
}

/**
 * Asks `confirm` once all is read and nothing speaks against it. A record that changed within the
 * minutes of `deadAfterMs`, or while the operator thought, is that of a living writer.
 */
export function markLost(
  options: WriterMarksOptions & {
    readonly writer: WriterId;
    readonly evenIfAlive: boolean;
    readonly confirm: (question: MarkQuestion) => Promise<boolean>;
  },
): Promise<MarkOutcome> {
  const { writer, evenIfAlive, confirm } = options;
  return withRegistry(options, async ({ list, mark }) => {
    const { writers, unreadableWriters } = list;
    const entry = [...writers, ...unreadableWriters].find((other) => other.writer === writer);
    if (entry === undefined) return 'unknown';
    if (entry.record?.state === 'sealed') return 'sealed';
    if (entry.record?.state === 'lost') return 'lost_before';
    const isSilent = entry.silentMs !== undefined && entry.silentMs >= deadAfterMs;
    // Of what cannot be read nobody knows the watermark: only silence says that it lies behind.
    const isForced = evenIfAlive && entry.record !== undefined;
    if (!list.isAlone && !isSilent && !isForced) return 'alive';
    const asLost = { ...entry, record: { ...(entry.record ?? unknownRecord), ...lostState } };
    const after = completenessOf({
      entries: [...writers.filter((other) => other !== entry), { nonce: '', ...asLost }],
      unreadable: unreadableWriters.filter((other) => other !== entry),
    }).completeThroughMs;
    const isSure = await confirm({ entry, before: list.completeThroughMs, after });
    return isSure ? mark(entry) : 'declined';
  });
}

const lostState = { state: 'lost', sealedBy: null } as const;

/** Stands for what could not be read: anything that it ever accepted may be missing. */
const unknownRecord: WriterRecord = {
  ...lostState,
  registeredMs: null,
  watermarkMs: 0,
  position: unknownPosition,
  trimmed: 1,
  host: '',
  bootId: '',
  startedMs: 0,
  folder: { device: '', inode: '' },
};

interface OpenRegistry {
  readonly list: WriterList;
  readonly mark: (entry: ListedWriter | ListedUnreadable) => Promise<'marked' | 'alive'>;
}

function withRegistry<T>(
  { config, log, clock = systemClock }: WriterMarksOptions,
  use: (registry: OpenRegistry) => Promise<T>,
): Promise<T> {
  // In HBase nothing of a data folder is touched, so it may belong to whichever store.
  const within = config.store === 'hbase' ? withStore : withExistingStore;
  return within({ config, clock, log }, async ({ link }) => {
    const reading = await link.registry.readAll();
    const storeMs = link.nowMs();
    const listed = <Entry extends { readonly changedMs?: number }>(
      entry: Entry,
    ): Entry & Listed => {
      const isKnown = storeMs !== undefined && entry.changedMs !== undefined;
      return {
        ...entry,
        silentMs: isKnown ? Math.max(0, storeMs - (entry.changedMs ?? 0)) : undefined,
      };
    };
    const isAlone = link.rows.kind === 'embedded';
    const mark = async (entry: ListedWriter | ListedUnreadable): Promise<'marked' | 'alive'> => {
      const lostMs = link.clockMs;
      const chain = new RegistryChain(link.registry, entry.writer, entry);
      const outcome = await chain.advance((standing) => {
        return { ...(standing ?? unknownRecord), ...lostState, lostMs };
      });
      return outcome === 'done' ? 'marked' : 'alive';
    };
    const writers = reading.entries.map(listed);
    const unreadableWriters = reading.unreadable.map(listed);
    const list = { ...completenessOf(reading), writers, unreadableWriters, isAlone };
    return use({ list, mark });
  });
}
