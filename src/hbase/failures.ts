// What HBase and the network say when they fail, translated once into a code and a remedy.
// Promises: every failure of this room is a CounterError. Callers act on the remedy alone.
import { CounterError, toError } from '../model/errors.ts';
import type { Remedy } from '../model/errors.ts';
import type { ServerAddress } from './host-map.ts';
import type { ExceptionResponse } from './messages.ts';

/** The region is elsewhere, and the server that had it says where. */
export class RegionMoved extends CounterError {
  readonly to: ServerAddress;

  constructor(to: ServerAddress, detail: string) {
    super('STORE_REGION_MOVED', 'relocate', { detail });
    this.to = to;
  }
}

/** Java classes by their last name: HBase has moved some between packages. */
const sorted: ReadonlyMap<string, readonly [code: string, remedy: Remedy]> = new Map(
  Object.entries({
    // The region, or the whole server, is no longer where we asked.
    NotServingRegionException: ['STORE_REGION_MOVED', 'relocate'],
    RegionMovedException: ['STORE_REGION_MOVED', 'relocate'],
    RegionOfflineException: ['STORE_REGION_MOVED', 'relocate'],
    WrongRegionException: ['STORE_REGION_MOVED', 'relocate'],
    RegionServerStoppedException: ['STORE_SERVER_STOPPING', 'relocate'],
    RegionServerAbortedException: ['STORE_SERVER_STOPPING', 'relocate'],
    ServerNotRunningYetException: ['STORE_SERVER_STOPPING', 'relocate'],
    MasterStoppedException: ['STORE_SERVER_STOPPING', 'relocate'],
    MasterNotRunningException: ['STORE_SERVER_STOPPING', 'relocate'],
    NotActiveMasterException: ['STORE_SERVER_STOPPING', 'relocate'],
    // Not yet, or not at this moment.
    RegionOpeningException: ['STORE_NOT_READY', 'retry'],
    RegionInRecoveryException: ['STORE_NOT_READY', 'retry'],
    PleaseHoldException: ['STORE_NOT_READY', 'retry'],
    RetryImmediatelyException: ['STORE_NOT_READY', 'retry'],
    MultiActionResultTooLarge: ['STORE_NOT_READY', 'retry'],
    CallerDisconnectedException: ['STORE_NOT_READY', 'retry'],
    UnknownScannerException: ['STORE_SCANNER_LOST', 'retry'],
    ScannerResetException: ['STORE_SCANNER_LOST', 'retry'],
    OutOfOrderScannerNextException: ['STORE_SCANNER_LOST', 'retry'],
    LeaseException: ['STORE_SCANNER_LOST', 'retry'],
    // Overload: anything sent at once makes it worse. A full queue, or a quota that is used up.
    CallQueueTooBigException: ['STORE_BUSY', 'throttle'],
    CallDroppedException: ['STORE_BUSY', 'throttle'],
    RpcThrottlingException: ['STORE_BUSY', 'throttle'],
    ThrottlingException: ['STORE_BUSY', 'throttle'],
    // One region cannot write out fast enough what it was given; its neighbours can.
    RegionTooBusyException: ['STORE_REGION_BUSY', 'throttle'],
    SpaceLimitingException: ['STORE_REGION_BUSY', 'throttle'],
    // An operator can make these true again, so a later call may succeed; this one will not.
    TableNotFoundException: ['STORE_TABLE_MISSING', 'retry'],
    TableNotEnabledException: ['STORE_TABLE_DISABLED', 'retry'],
    // For good.
    NoSuchColumnFamilyException: ['STORE_REFUSED', 'give-up'],
    FailedSanityCheckException: ['STORE_REFUSED', 'give-up'],
    AccessDeniedException: ['STORE_ACCESS_DENIED', 'give-up'],
    DoNotRetryIOException: ['STORE_REFUSED', 'give-up'],
    IllegalArgumentException: ['STORE_REFUSED', 'give-up'],
    UnsupportedOperationException: ['STORE_REFUSED', 'give-up'],
    UnknownProtocolException: ['STORE_REFUSED', 'give-up'],
    TableExistsException: ['STORE_TABLE_EXISTS', 'give-up'],
    NamespaceExistException: ['STORE_NAMESPACE_EXISTS', 'give-up'],
    NamespaceNotFoundException: ['STORE_NAMESPACE_MISSING', 'give-up'],
  } satisfies Record<string, [string, Remedy]>),
);

/** Waiting within the call would not help, though a later call may succeed. */
export const endsTheCall: ReadonlySet<string> = new Set([
  'STORE_TABLE_MISSING',
  'STORE_TABLE_DISABLED',
  'STORE_BATCH_REFUSED',
]);

/** The server as a whole: what is known to be at it is elsewhere by now, or will be. */
export function concernsServer({ code, remedy }: CounterError): boolean {
  return remedy === 'relocate' && code !== 'STORE_REGION_MOVED';
}

const detailCharsMax = 300;
const newPlace = /hostname=(\S+) port=(\d+) startCode=/;

export function isPort(port: number): boolean {
  return port > 0 && port < 65_536;
}

/** `doNotRetry` is HBase's own word for classes that are not listed. */
export function failureOf(className: string, trace: string, doNotRetry: boolean): CounterError {
  const shortName = className.slice(
    1 + Math.max(className.lastIndexOf('.'), className.lastIndexOf('$')),
  );
  const known = sorted.get(shortName);
  const firstLine = (trace.split('\n', 1)[0] ?? '').slice(0, detailCharsMax);
  const detail = firstLine.includes(shortName) ? firstLine : `${className}: ${firstLine}`;
  if (shortName === 'RegionMovedException') {
    const [, host, port] = newPlace.exec(firstLine) ?? [];
    if (host !== undefined && isPort(Number(port))) {
      return new RegionMoved({ host, port: Number(port) }, detail);
    }
  }
  if (known !== undefined) return new CounterError(known[0], known[1], { detail });
  // A server that is going down says it in a plain IOException: gohbase knows it by its text.
  if (trace.includes('Cannot append; log is closed')) {
    return new CounterError('STORE_REGION_MOVED', 'relocate', { detail });
  }
  // So does one that takes fewer rows at once than were sent.
  if (trace.includes('Rejecting large batch operation')) {
    return new CounterError('STORE_BATCH_TOO_LARGE', 'retry', { detail });
  }
  return doNotRetry
    ? new CounterError('STORE_REFUSED', 'give-up', { detail })
    : new CounterError('STORE_FAILED', 'retry', { detail });
}

export function failureOfResponse(exception: ExceptionResponse): CounterError {
  const { exceptionClassName, stackTrace, doNotRetry, hostname: host = '', port = 0 } = exception;
  const failure = failureOf(exceptionClassName, stackTrace, doNotRetry);
  if (failure instanceof RegionMoved || failure.code !== 'STORE_REGION_MOVED') return failure;
  if (host === '' || !isPort(port)) return failure;
  const [firstLine = ''] = stackTrace.split('\n', 1);
  return new RegionMoved({ host, port }, firstLine.slice(0, detailCharsMax));
}

/** The server cannot be reached or has gone: its regions will be elsewhere, or here, later. */
export function connectionFailure(place: string, connected: boolean, cause?: Error): CounterError {
  const why = cause === undefined ? 'it closed the connection' : cause.message;
  const code = connected ? 'STORE_CONNECTION_LOST' : 'STORE_UNREACHABLE';
  return new CounterError(code, 'relocate', { detail: `${place}: ${why}`, cause });
}

/** Its session with ZooKeeper has ended: its regions go to others, whatever it still says. */
export function goneFailure(place: string, connected: boolean): CounterError {
  return connectionFailure(place, connected, new Error('it is no longer in ZooKeeper'));
}

/** The server is dark: paused, cut off or without power. Its regions may be elsewhere already. */
export function silenceFailure(detail: string): CounterError {
  return new CounterError('STORE_TIMEOUT', 'relocate', { detail });
}

export function invalidReply(detail: string): CounterError {
  return new CounterError('STORE_REPLY_INVALID', 'retry', { detail });
}

export function closedFailure(): CounterError {
  return new CounterError('STORE_CLOSED', 'give-up', { detail: 'the client was closed' });
}

/** Anything thrown inside the room; what is not known is taken for a passing failure. */
export function toCounterError(thrown: unknown): CounterError {
  if (thrown instanceof CounterError) return thrown;
  return new CounterError('STORE_FAILED', 'retry', { cause: toError(thrown) });
}
