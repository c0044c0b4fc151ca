// When files aside go: after their time, unless the store has lost counts lately. Then they may be
// all that is left of those, until somebody ran `adcounter reassert`. Room for counting is another
// matter: for that they give way at any time (journal/journal-space.ts).
import type { Core } from './core.ts';
import type { Log } from './log.ts';
import type { Together } from './service-part.ts';

export interface AsideSweepOptions {
  readonly core: Pick<Core, 'recovery'>;
  readonly together: Pick<Together, 'hasLostCounts'>;
  readonly wallMs: number;
  readonly asideMs: number;
  readonly log: Log;
}

export async function sweepAside(options: AsideSweepOptions): Promise<void> {
  const { core, together, wallMs, asideMs, log } = options;
  if (await together.hasLostCounts(asideMs)) {
    const what =
      'Files aside stay beyond their time, since the store lost counts: adcounter reassert';
    log.warn('aside.kept', what);
    return;
  }
  await core.recovery.sweep(wallMs - asideMs);
}
