// A cluster of its own for one command: ended with it, also if that ends by a signal or hangs.
import { rmSync } from 'node:fs';
import { startCluster } from '../server/cluster.ts';
import type { RunningCluster } from '../server/cluster.ts';
import { endOrphan } from '../server/standalone.ts';

export async function withCluster(
  options: {
    readonly folder: string;
    readonly longestMs: number;
    /** The folder stays, with its logs. */
    readonly keep: boolean;
    readonly say: (line: string) => void;
  },
  work: (cluster: RunningCluster) => Promise<void>,
): Promise<void> {
  const { folder, say, keep } = options;
  const endAll = async (): Promise<void> => {
    await endOrphan(folder);
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  let ending: Promise<void> | null = null;
  const end = (): Promise<void> => {
    ending ??= endAll();
    return ending;
  };
  const leave = (why: string): void => {
    say(why);
    void end().finally(() => process.exit(1));
  };
  const onSignal = (signal: NodeJS.Signals): void => leave(`${signal}: the cluster is ended`);
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const timer = setTimeout(() => leave('FAILED: it did not end in time'), options.longestMs);
  try {
    say('the cluster starts');
    await work(await startCluster({ folder, fresh: true }));
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await end();
  }
}
