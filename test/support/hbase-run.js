/** Before all suites: names the run, so that its suites share one HBase (test/hbase/server). */
export default function nameRun() {
  process.env['TEST_HBASE_RUN'] = String(process.pid);
}
