// Knows when a writer is dead: its lock is free in the very folder that it used, on the same boot
// of the machine; or its registry cell stood still for minutes; or (embedded) we hold the store.
// A free lock alone proves nothing: a copied folder has a lock of its own. Never guesses.
import { deadAfterMs, silenceGapMs } from '../limits.ts';
import type { FolderIdentity } from '../model/folder-identity.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { RegistryEntry } from '../store/registry.ts';

export interface HostIdentity {
  readonly host: string;
  /** Of this boot of the machine; empty where the machine has none. */
  readonly bootId: string;
}

export interface Suspect {
  readonly writer: WriterId;
  /** Undefined: the registry has never heard of it. */
  readonly entry: RegistryEntry | undefined;
  /** What the folder says of itself, by the note beside the segments. */
  readonly noted: { readonly bootId: string; readonly folder: FolderIdentity } | undefined;
  /** Of the folder whose free lock we hold. */
  readonly folder: FolderIdentity;
}

export interface DeathProofOptions {
  readonly identity: HostIdentity;
  /** Whoever holds the embedded store's LOCK is alone with the folder. */
  readonly holdsStore: boolean;
  readonly monotonicMs: () => number;
}

interface Standing {
  readonly nonce: string;
  readonly sinceMs: number;
  readonly lookedAtMs: number;
}

export class DeathProof {
  readonly #options: DeathProofOptions;
  /** Since when each registry cell stands as it does, by our own monotonic clock. */
  readonly #stands = new Map<WriterId, Standing>();

  constructor(options: DeathProofOptions) {
    this.#options = options;
  }

  /** Asked again and again: silence is proven by having looked before. */
  isDead(suspect: Suspect): boolean {
    const silent = this.#silentMs(suspect) >= deadAfterMs;
    return this.#options.holdsStore || this.#lockProves(suspect) || silent;
  }

  forget(writer: WriterId): void {
    this.#stands.delete(writer);
  }

  #lockProves({ entry, noted, folder }: Suspect): boolean {
    const said = entry?.record ?? noted;
    if (said === undefined || this.#options.identity.bootId === '') return false;
    return (
      said.bootId === this.#options.identity.bootId &&
      said.folder.device === folder.device &&
      said.folder.inode === folder.inode
    );
  }

  #silentMs({ writer, entry }: Suspect): number {
    const nowMs = this.#options.monotonicMs();
    const nonce = entry?.nonce ?? 'absent';
    const before = this.#stands.get(writer);
    // While the store was out of reach, a living writer could not be heard either.
    const watched = before !== undefined && nowMs - before.lookedAtMs <= silenceGapMs;
    const sinceMs = watched && before.nonce === nonce ? before.sinceMs : nowMs;
    this.#stands.set(writer, { nonce, sinceMs, lookedAtMs: nowMs });
    return nowMs - sinceMs;
  }
}
