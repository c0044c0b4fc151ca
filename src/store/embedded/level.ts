// The one door to LevelDB: opening a folder whose LOCK nobody else holds.
// Promises: at most one process (and one opening in it) has a folder; a kill frees it.
// Never waits for a lock.
import { mkdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import { CounterError, toError } from '../../model/errors.ts';

export type Level = ClassicLevel<Buffer, Buffer>;

export interface LevelOptions {
  readonly cacheBytes: number;
  readonly writeBufferBytes: number;
}

/** Opens, and creates if missing; undefined: somebody holds its lock. */
export async function openLevel(folder: string, options: LevelOptions): Promise<Level | undefined> {
  try {
    // For its owner's eyes only; LevelDB itself would leave it to the umask.
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const level: Level = new ClassicLevel(folder, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      cacheSize: options.cacheBytes,
      writeBufferSize: options.writeBufferBytes,
    });
    await level.open();
    return level;
  } catch (thrown) {
    // The library says "failed to open"; why is in the cause.
    const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
    if (codeOf(cause) === 'LEVEL_LOCKED') return undefined;
    const detail = `${folder}: ${toError(cause).message}`;
    throw new CounterError('STORE_UNOPENED', 'give-up', { cause: thrown, detail });
  }
}

function codeOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown
    ? thrown.code
    : undefined;
}

export type LevelIterator = ReturnType<typeof iterateLevel>;

/** One state of the store, so a row is whole over two steps as well. */
export function iterateLevel(
  level: Level,
  range: { readonly gte: Buffer; readonly lt: Buffer },
  stepBytesMax: number,
) {
  return level.iterator({ ...range, fillCache: true, highWaterMarkBytes: stepBytesMax });
}
