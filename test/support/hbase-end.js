/** After all suites: ends the HBase of the run, if one of them has started it. */
import { existsSync } from 'node:fs';
import { tsImport } from 'tsx/esm/api';

export default async function endRun() {
  if (!existsSync(new URL('../../.hbase', import.meta.url))) return;
  const { endRuns } = await tsImport('../hbase/server/shared.ts', import.meta.url);
  await endRuns();
}
