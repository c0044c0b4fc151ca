// Exceptions of HBase and what the client does about them.
import { describe, expect, test } from '@jest/globals';
import { failureOf, failureOfResponse } from '../../src/hbase/failures.ts';

const remedies = {
  relocate: [
    'org.apache.hadoop.hbase.NotServingRegionException',
    'org.apache.hadoop.hbase.exceptions.RegionMovedException',
    'org.apache.hadoop.hbase.regionserver.WrongRegionException',
    'org.apache.hadoop.hbase.regionserver.RegionServerAbortedException',
    'org.apache.hadoop.hbase.regionserver.RegionServerStoppedException',
    'org.apache.hadoop.hbase.ipc.ServerNotRunningYetException',
    'org.apache.hadoop.hbase.exceptions.MasterStoppedException',
  ],
  retry: [
    'org.apache.hadoop.hbase.exceptions.RegionOpeningException',
    'org.apache.hadoop.hbase.RetryImmediatelyException',
    'org.apache.hadoop.hbase.PleaseHoldException',
    'org.apache.hadoop.hbase.UnknownScannerException',
    'org.apache.hadoop.hbase.TableNotFoundException',
    'java.io.IOException',
    'some.new.Exception',
  ],
  throttle: [
    'org.apache.hadoop.hbase.RegionTooBusyException',
    'org.apache.hadoop.hbase.CallQueueTooBigException',
    'org.apache.hadoop.hbase.quotas.RpcThrottlingException',
    'org.apache.hadoop.hbase.ipc.CallDroppedException',
  ],
  'give-up': [
    'org.apache.hadoop.hbase.regionserver.NoSuchColumnFamilyException',
    'org.apache.hadoop.hbase.exceptions.FailedSanityCheckException',
    'org.apache.hadoop.hbase.security.AccessDeniedException',
    'org.apache.hadoop.hbase.DoNotRetryIOException',
  ],
} as const;

describe('exceptions of HBase', () => {
  test.each(
    Object.entries(remedies).flatMap(([remedy, names]) => names.map((name) => [name, remedy])),
  )('%s: %s', (name, remedy) => {
    const failure = failureOf(name, `${name}: why\n\tat somewhere`, false);
    expect(failure.remedy).toBe(remedy);
    expect(failure.message).toContain(`${name}: why`);
    expect(failure.message).not.toContain('somewhere');
  });

  test('a server that goes down says it in plain words', () => {
    const trace = 'java.io.IOException: Cannot append; log is closed, regionName = x';
    expect(failureOf('java.io.IOException', trace, false).remedy).toBe('relocate');
  });

  test('what HBase calls final is final, also where its class is not known', () => {
    expect(failureOf('some.new.Exception', '', true)).toMatchObject({ remedy: 'give-up' });
  });

  test('a nested class is known by its last name', () => {
    const failure = failureOf('org.apache.X$CallQueueTooBigException', '', false);
    expect(failure.remedy).toBe('throttle');
  });
});

test.each([
  ['org.apache.hadoop.hbase.exceptions.RegionMovedException', 'hostname=h port=1 startCode=2.'],
  ['org.apache.hadoop.hbase.NotServingRegionException', 'not here'],
])('a moved region is told with its code once: %s', (exceptionClassName, what) => {
  const stackTrace = `${exceptionClassName}: ${what}\n\tat some.where`;
  const response = { exceptionClassName, stackTrace, doNotRetry: false, hostname: 'h', port: 1 };
  const { message } = failureOfResponse(response);
  expect(message).toBe(`STORE_REGION_MOVED: ${exceptionClassName}: ${what}`);
});
