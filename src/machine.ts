// The machine below a core, as a port: who it is to others, and its locks on folders.
// Never a clock, a disk or a store: those are ports of their own.
import { identityOfHost } from './ingest/host-identity.ts';
import type { HostIdentity } from './ingest/host-identity.ts';
import { lockFolder, tryLock } from './store/embedded/folder-lock.ts';
import type { FolderLock } from './store/embedded/folder-lock.ts';

export interface Machine {
  identity(): Promise<HostIdentity>;
  /** Error: FOLDER_LOCKED. */
  readonly lock: (folder: string) => Promise<FolderLock>;
  /** Undefined: it is held. */
  readonly tryLock: (folder: string) => Promise<FolderLock | undefined>;
}

export const thisMachine: Machine = { identity: identityOfHost, lock: lockFolder, tryLock };
