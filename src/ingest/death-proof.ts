// Knows when a writer is dead: its lock is free in the very folder that it used, on the same boot
// of the machine; or its registry cell stood still for minutes; or (embedded) we hold the store.
// A free lock alone proves nothing: a copied folder has a lock of its own. Never guesses.
import { deadAfterMs } from '../limits.ts';
import type { FolderIdentity } from '../model/folder-identity.ts';
import type { WriterId } from '../model/writer-id.ts';
import type { RegistryEntry } from '../store/registry.ts';
import type { HostIdentity } from './host-identity.ts';
import { SilenceWatch } from './silence-watch.ts';

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

export class DeathProof {
  readonly #options: DeathProofOptions;
  readonly #silence: SilenceWatch;

  constructor(options: DeathProofOptions) {
    this.#options = options;
    this.#silence = new SilenceWatch(options.monotonicMs);
  }

  /** Asked again and again: silence is proven by having looked before. */
  isDead(suspect: Suspect): boolean {
    const { writer, entry } = suspect;
    const silent = this.#silence.lookedAt(writer, entry?.nonce ?? 'absent') >= deadAfterMs;
    return this.#options.holdsStore || this.#lockProves(suspect) || silent;
  }

  forget(writer: WriterId): void {
    this.#silence.forget(writer);
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
}
