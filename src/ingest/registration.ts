// Registers a writer in two check-and-puts, so that nothing ever appears in a quarter that others
// have called complete: open; then the floor is read; then the moment from which it counts.
// Never resumes an identity, and `registered` is written once.
import {
  registrationHoldMs,
  stormRegistrationMs,
  watermarkAheadMs,
  watermarkBeyondStoreMs,
} from '../limits.ts';
import type { Log } from '../log.ts';
import { CounterError } from '../model/errors.ts';
import { RegistryChain } from '../store/registry.ts';
import type { RegistryReading, WriterRecord, WriterRegistry } from '../store/registry.ts';
import { blankRecord } from './estate.ts';
import type { Estate } from './estate.ts';
import type { WriterRun } from './writer-run.ts';
import { isStorm } from './writer-storm.ts';

export interface RegistrationOptions {
  readonly registry: WriterRegistry;
  readonly storeNowMs: number;
  /** Runs the task while no frame is formed and none is on its way. */
  readonly hold: <T>(task: () => Promise<T>) => Promise<T>;
  readonly log: Log;
}

/**
 * After it the run is registered, or it was ended: an identity whose `registered` moment may or
 * may not stand must not accept beyond that moment. Throws (retry) where nothing came of it.
 */
export async function register(run: WriterRun, options: RegistrationOptions): Promise<void> {
  const { registry } = options;
  // Somebody who recovered our journal may have registered us, or have begun to.
  const standing = run.foreign ? await registry.read(run.writer) : undefined;
  // What cannot be read is not replaced: it may say that the writer is sealed.
  if (standing !== undefined && standing.record === undefined) return;
  if (run.foreign) run.chain = new RegistryChain(registry, run.writer, standing);
  const chain = (run.chain ??= new RegistryChain(registry, run.writer));
  const seen = await registry.readAll();
  // What crashes every few seconds and counts nothing leaves no record behind.
  if (isIdle(run) && chain.record === undefined && isStorm(seen, options.storeNowMs)) return;
  const open = (record?: WriterRecord): WriterRecord =>
    record ?? run.firstRecord(null, floorOf(seen, options));
  if ((await chain.advance(open)) === 'foreign') return run.disown();
  const registeredMs = chain.record?.registeredMs ?? null;
  if (registeredMs !== null) return run.registeredAt(registeredMs);
  const floorMs = floorOf(await registry.readAll(), options);
  await options.hold(() => writeMoment(run, chain, floorMs, options));
}

function isIdle({ journal, clock, note, endedBecause }: WriterRun): boolean {
  const isYoung = clock.nowMs() - note.startedMs < stormRegistrationMs;
  return isYoung && journal.position === 0 && endedBecause === undefined;
}

async function writeMoment(
  run: WriterRun,
  chain: RegistryChain,
  floorMs: number,
  { storeNowMs }: RegistrationOptions,
): Promise<void> {
  run.clock.liftTo(floorMs);
  const momentMs = run.clock.nowMs();
  // Who has accepted nothing yet has nothing to flush: it is complete up to this moment.
  const isBlank = run.journal.position === 0 && momentMs <= storeNowMs + watermarkBeyondStoreMs;
  const moment = (standing?: WriterRecord): WriterRecord => {
    const record = standing ?? run.firstRecord(null, floorMs);
    if (record.registeredMs !== null) return record;
    const watermarkMs = isBlank ? Math.max(record.watermarkMs, momentMs) : record.watermarkMs;
    return { ...record, registeredMs: momentMs, watermarkMs };
  };
  // Requests wait for this one call, so it is asked once and not for long. Where it stays unknown
  // the moment may land late: what was accepted until now is before it, what comes after needs
  // another identity.
  if (!(await chain.tryOnce(moment, registrationHoldMs))) {
    run.end('registration_unknown');
    throw new CounterError('REGISTRATION_UNKNOWN', 'retry', { detail: `writer ${run.writer}` });
  }
  run.registeredAt(chain.record?.registeredMs ?? momentMs);
}

/**
 * Registers a writer that died without ever reaching the store: in the same two steps as a living
 * one, and never before the last moment of its journal, or a lag would be negative. Answers the
 * moment; undefined: somebody else was faster. Needs the proof of death.
 */
export async function registerDead(
  estate: Estate,
  chain: RegistryChain,
  options: { readonly registry: WriterRegistry; readonly storeNowMs: number; readonly log: Log },
): Promise<number | undefined> {
  const { registry } = options;
  const blank = blankRecord(estate, floorOf(await registry.readAll(), options));
  if ((await chain.advance((standing) => standing ?? blank)) === 'foreign') return undefined;
  const floorMs = floorOf(await registry.readAll(), options);
  const momentMs = Math.max(floorMs, options.storeNowMs, estate.replay.lastAcceptMs ?? 0);
  const outcome = await chain.advance((standing) => {
    const record = standing ?? blank;
    return { ...record, registeredMs: record.registeredMs ?? momentMs };
  });
  return outcome === 'foreign' ? undefined : (chain.record?.registeredMs ?? undefined);
}

/**
 * The greatest moment through which anything may have been called complete, but for those of a
 * clock gone wild. Of a record that cannot be read, or could not when it was given up, that is
 * the most that may have stood there: nobody publishes more than minutes beyond the store's clock.
 */
export function floorOf(
  { entries, unreadable }: RegistryReading,
  options: { readonly storeNowMs: number; readonly log: Log },
): number {
  const reached = [
    ...unreadable.map(({ writer, changedMs }) => {
      return { writer, reachedMs: changedMs + watermarkBeyondStoreMs };
    }),
    ...entries.map(({ writer, record: { watermarkMs, lostMs = 0 } }) => {
      return { writer, reachedMs: Math.max(watermarkMs, lostMs) };
    }),
  ];
  let floorMs = 0;
  for (const { writer, reachedMs } of reached) {
    if (reachedMs > options.storeNowMs + watermarkAheadMs) {
      options.log.warn(
        'registry.watermark_ignored',
        'A watermark more than a day ahead of the store is ignored: its clock had gone wild',
        { writer_id: writer, watermark: new Date(reachedMs).toISOString() },
      );
    } else floorMs = Math.max(floorMs, reachedMs);
  }
  return floorMs;
}
