// Every bound of the service, in one place. Units last; what must relate is asserted below.
import { assert } from './model/assert.ts';

// ── HBase room ──
/** A request or reply frame beyond this is refused. */
export const hbaseFrameBytesMax = 64 * 1_048_576;
/** Puts of one Multi call: cell block bytes. */
export const hbaseMultiBytesMax = 2 * 1_048_576;
/** What one scan reply may carry: about 6,000 cells, some ms of reading. */
export const hbaseScanReplyBytesMax = 512 * 1_024;
/** A reply of so many bytes (2,000 puts, 200 cells of a scan) is read in a turn of its own. */
export const hbaseLargeReplyBytes = 16 * 1_024;

/** Calls that wait for an answer of one server, and those that wait for their turn. */
export const hbasePendingCallsMax = 1024;
export const hbaseWaitingCallsMax = 8_192;
/** Bytes of calls under way at one server, or still in its socket; one larger call goes alone. */
export const hbasePendingBytesMax = 16 * 1_048_576;
/** Calls whose caller has gone, and whose answers may still come, of one connection. */
export const hbaseAbandonedCallsMax = 8_192;
/**
 * A connection that awaits an answer and is silent for so long ends with the next call that runs
 * out of time. Longer than a server's usual garbage collection, shorter than a registry's call.
 */
export const hbaseSilenceMs = 2_000;
/** A connection that is silent for so long: is its server still there? ZooKeeper is asked. */
export const hbaseLookMs = 1_500;
/** What ZooKeeper said of it is not asked again sooner, by all calls of a client together. */
export const hbasePresenceKeptMs = 1_000;
/** Multi calls under way at one region server, of one put. */
export const hbaseMultiPerServerMax = 2;
/** Puts of one Multi: HBase warns of more, and refuses more where an operator told it to. */
export const hbaseMultiPutsMax = 5_000;
/** Puts that are sorted to regions before others get their turn. */
export const hbaseGroupSlicePuts = 5_000;
/** Puts of a round whose region cannot be found before the round stops asking. */
export const hbaseLookupFailuresMax = 8;
/** HBase's own bounds of a cell. */
export const hbaseRowBytesMax = 32_767;
export const hbaseValueBytesMax = 10 * 1_048_576;
/** Region locations kept, over all tables. */
export const hbaseRegionsKeptMax = 20_000;
/** Wait before an attempt is repeated: doubled each time, with jitter. */
export const hbaseRetryWaitMs = 50;
export const hbaseRetryWaitMsMax = 2_000;
/** The same where the server says that it has too much to do: nobody sends anything meanwhile. */
export const hbaseThrottleWaitMs = 500;
export const hbaseThrottleWaitMsMax = 8_000;
/** Calls that a server takes at once again before it is no longer watched; or so long unrefused. */
export const hbaseRecoveredCalls = 64;
export const hbaseRecoveredMs = 30_000;
/** Overloaded regions that are watched; servers that are remembered though nothing goes there. */
export const hbasePacesMax = 1_000;
/** Multi calls of one put that are refused as a whole and cut in two; then so many in a row. */
export const hbaseRefusalsMax = 512;
export const hbaseRefusalsInARowMax = 32;
/** One question to meta; silence for so long also ends the connection to its server. */
export const hbaseMetaQuestionMs = 2_500;
/** What meta said of a region that is nowhere is not asked again sooner. */
export const hbaseNotReadyKeptMs = 50;
/** One question to ZooKeeper, its session included. */
export const hbaseZooKeeperAttemptMsMax = 4_000;
/** Between two looks at a procedure of the master. */
export const hbaseProcedurePollMs = 50;
/** Between two looks at a region that is compacted, or not yet to be split or merged. */
export const hbaseRegionPollMs = 100;

assert(hbaseMultiBytesMax < hbaseFrameBytesMax, 'a Multi fits a frame');
assert(hbaseScanReplyBytesMax < hbaseFrameBytesMax, 'a scan reply fits a frame');
assert(hbaseLargeReplyBytes <= hbaseScanReplyBytesMax, 'a full scan reply is a large one');
assert(hbaseRetryWaitMs <= hbaseRetryWaitMsMax, 'waits grow to their bound');
assert(hbaseThrottleWaitMs > hbaseRetryWaitMs, 'an overloaded server is left alone for longer');
assert(hbaseMultiBytesMax <= hbasePendingBytesMax, 'a Multi need not go alone');
assert(hbaseLookMs < hbaseSilenceMs, 'a silent server is looked for before it is given up');
assert(hbaseSilenceMs < hbaseMetaQuestionMs, 'a question to meta can leave a dark server');
assert(hbaseRefusalsInARowMax > 2 * Math.log2(hbaseMultiPutsMax), 'a poisoned put is found');

// ── Core: accepting, counting, flushing ──
/** A step of the wall clock beyond this is a leap and not followed. */
export const clockLeapMs = 5 * 60_000;
/** How long a wall clock without a second opinion must be steady to be believed again. */
export const wallSteadyMs = 5 * 60_000;
/** A registry cell that stands unchanged for so long belongs to a dead writer. */
export const deadAfterMs = 5 * 60_000;
/** Longer between two looks at the registry, and the silence is counted anew. */
export const silenceGapMs = 90_000;
/** No clock that is right says less: this release was made then. */
export const clockFloorMs = Date.UTC(2026, 10, 1);
/** A watermark so far ahead of the store's clock was published by a clock gone wild. */
export const watermarkAheadMs = 24 * 3_600_000;
/** Without ever having reached the store a process accepts for so long. */
export const unregisteredMs = 24 * 3_600_000;
/** A watermark is never further beyond the store's clock. */
export const watermarkBeyondStoreMs = 5 * 60_000;
/** One call to the registry, retries included. */
export const registryTimeoutMs = 3_000;
/** Opening the store, asking its clock: one step of it. */
export const storeCallTimeoutMs = 5_000;
/** Reading one row of the store whose clock is away, to see whether it is there. */
export const storeAnswerTimeoutMs = 2_500;
/** For so long at most requests wait for the moment of a registration. */
export const registrationHoldMs = 2_000;
/** Fresh folders tried at the begin of an identity, where another's recovery holds their lock. */
export const beginAttemptsMax = 3;
/** Check-and-puts of one registry cell before the caller is told to come back. */
export const registryAttemptsMax = 3;
/** Nonces of one's own that a chain remembers: a slow read may answer one that is replaced. */
export const registryNoncesKept = 16;
/** More writers that begin within an hour, over all machines, are an alarm. */
export const writersPerHourMax = 50;
/** In such a storm a process that has counted nothing is not registered before it lived so long. */
export const stormRegistrationMs = 60_000;
/** Longer between two looks at either clock, and the process stood still: who is it now? */
export const pauseMs = 60_000;
/** After a pause requests wait for so long at most until the registry says who we are. */
export const pauseCheckMs = 3_000;
/** The first registration may hold up the start for so long; then it goes on behind it. */
export const registrationWaitMs = 5_000;
/** Requests that wait for their frame. */
export const pendingRequestsMax = 20_000;
/** Events that wait for their frame. */
export const pendingEventsMax = 200_000;
/** Events of one frame; a request is never split over two. */
export const frameEventsMax = 20_000;
/** Putting the dirty cells of one round, retries included. */
export const flushTimeoutMs = 25_000;
/** A request with ack=store is answered within this time, confirmed or not. */
export const ackStoreTimeoutMs = 5_000;
/** One put of an expedited flush: a dark server holds up the requests of others for so long. */
export const expeditedPutMs = 2_000;
/** From the start of one expedited flush to that of the next: at most 200 a second. */
export const expeditedGapMs = 5;
/** After one that failed, in part or whole. */
export const expeditedRetryMs = 250;
/** Cells of one expedited flush, but for a single request that touched more. */
export const expeditedCellsMax = 20_000;
/** Cells of the requests that wait for one. */
export const expeditedWaitingCellsMax = 200_000;
/** Cells of a dead writer that are put at once: what a slow store confirms in a round's time. */
export const recoveryPutCellsMax = 10_000;
/** Bytes of a cell that a recovery read from a journal, its ids included. */
export const replayedCellBytes = 512;
/** A round gives the event loop back after so long. */
export const flushSliceMs = 2;
/** Cells that a round settles or audits between two looks at the time. */
export const flushCellsPerLook = 256;
/** Putting cells that were set aside, behind all others of the round. */
export const setAsideTimeoutMs = 5_000;
/** When what was set aside is tried again: doubled each time that all of it is refused. */
export const setAsideRetryMs = 30_000;
export const setAsideRetryMsMax = 5 * 60_000;
/** Cells set aside that status and log describe one by one; the rest is only counted. */
export const setAsideExamplesMax = 20;
/**
 * Bytes of a cell beyond its ids, as measured where it costs most in the long run: impressions and
 * clicks, confirmed and changed again. One that was counted once takes 480.
 */
export const cellOverheadBytes = 680;
/** An event that waits, with the cell that it may open. */
export const waitingEventBytes = 1_024;
/** Counting goes on when so much of the memory's bound is free again. */
export const memoryRoomShare = 1 / 8;
/** Of the V8 heap: left to requests, flushes and the collector; the cells' part of the rest. */
export const heapReserveBytes = 64 * 1_048_576;
export const heapCellsShare = 2 / 3;
export const heapCellsShareMin = 1 / 4;
/** Of the limit that V8 tells, the part of what is young: it is the old part that runs out. */
export const heapYoungBytes = 48 * 1_048_576;
/** What a collection left of the old part beyond this share of it: nothing is counted. */
export const heapShortShare = 0.85;
/** So long a collection says something of now: V8 makes one long before its limit. */
export const heapShortMs = 15_000;
/** A flush that a full memory asks for is not asked for again sooner. */
export const memoryFlushGapMs = 5_000;
/** Cells of a quarter that are read back before its segments go. */
export const readBackCellsMax = 128;
/** Scans of a read-back under way at once: questions go on beside it. */
export const readBackScansConcurrent = 4;
/** One read-back; what is not read by then is read back later. */
export const readBackTimeoutMs = 5_000;
/** `adcounter reassert`: cells that are looked at, put and looked at again together. */
export const reassertCellsMax = 2_000;
/** Of the first that are missing: put alone, to see whether a put is shown at all. */
export const reassertProbeCellsMax = 32;
/** One look at such a portion. */
export const reassertReadTimeoutMs = 60_000;
/** Between two lines of its progress. */
export const reassertProgressMs = 1_000;
/** A journal that its writer goes on with is surveyed so often until no frame fell in between. */
export const reassertSurveysMax = 5;
/** A round waits for it for so long, and then goes on without trimming. */
export const readBackGraceMs = 250;
/** The last flush of a stop is waited for so long at least. */
export const flushWaitMsMin = 1_000;
/** Rates are taken over this time at least; the journal's over minutes, that of cells a quarter. */
export const budgetSampleMsMin = 10_000;
export const budgetJournalMs = 5 * 60_000;
export const budgetCellsMs = 15 * 60_000;
/** When files that were moved aside are looked at: once an hour. */
export const sweepCron = '17 23 * * * *';
/** How often a schedule looks whether the wall clock leapt, and by how much it must have. */
export const scheduleLookMs = 1_000;
export const scheduleLeapMs = 1_500;
/** How often the free bytes of the disk are looked up. */
export const diskSampleMs = 1_000;
/** What a refused client is told to wait. */
export const retryAfterSeconds = 1;
/** After a frame found no room, for those that were answered at `memory` already. */
export const journalFullRetryMs = 200;
/** How long a new identity is waited for, after one ended, before requests are refused. */
export const newIdentityRetryMs = 1_000;

assert(silenceGapMs < deadAfterMs, 'a silence is looked at more than once');
assert(expeditedPutMs + expeditedRetryMs < ackStoreTimeoutMs, 'a failed put is tried again');
assert(expeditedCellsMax <= expeditedWaitingCellsMax, 'a flush takes what waits, not more');
assert(pauseMs < deadAfterMs, 'who may have been taken for dead looks before it goes on');
assert(setAsideRetryMs <= setAsideRetryMsMax, 'waits grow to their bound');
assert(setAsideTimeoutMs < flushTimeoutMs, 'what is refused takes less time than the others');
assert(reassertProbeCellsMax < reassertCellsMax, 'the first check is less than the work');
assert(readBackGraceMs < readBackTimeoutMs, 'a round waits less than a slow store may take');
assert(readBackTimeoutMs < flushTimeoutMs, 'reading a few cells takes less than putting all');
assert(registryTimeoutMs <= flushTimeoutMs, 'the registry is asked within a round');
assert(hbaseSilenceMs < registryTimeoutMs, 'a call to the registry can leave a dark server');

// ── Journal room ──
/** A segment file; a quarter-hour of most services fits one. */
export const journalSegmentBytes = 8 * 1_048_576;
/** Cells of one frame. */
export const journalFrameCellsMax = 20_000;
/** A frame of so many cells fits, whatever their ids and measures; it gets a segment of its own. */
export const journalFrameBytesMax = 32 * 1_048_576;
/** A frame's cell with its key and the most measures that are defined. */
export const journalCellBytesMax = 1_200;
/** Left free on the disk: the embedded store, and the flush that empties the journal, need it. */
export const journalDiskFreeBytesMin = 128 * 1_048_576;
/** Without a next segment at hand, new events are refused when so little is left in this one. */
export const journalReserveBytes = 1_048_576;
/** A bound below eight whole segments has smaller ones, but no smaller than this. */
export const journalSegmentBytesMin = 65_536;
/** Once full, a journal goes on when so much of its bound is free beyond the next segment. */
export const journalRoomShare = 1 / 16;
/** How often all journals of the data folder are measured, unless one finds no room. */
export const journalSpaceLookMs = 10_000;
/** A file that is deleted when the disk is full: for a new identity, and to flush. */
export const ballastBytesMax = 32 * 1_048_576;
/** On a small disk it is so much of what is free; less than the least is not worth a file. */
export const ballastDiskShare = 1 / 64;
export const ballastBytesMin = 1_048_576;
/** It is written in steps, so that the journal's syncs do not wait for it. */
export const ballastChunkBytes = 1_048_576;
export const ballastChunkMs = 25;
/** With less than this on the disk it is deleted, though no write of ours has failed yet. */
export const ballastReleaseBytes = 1_048_576;
/** It is not made again sooner: a quota can be used up while the disk has room. */
export const ballastAgainMs = 60_000;
/** Zeroes of one write while a segment is prepared. */
export const journalZeroFillBytes = 1_048_576;
/** A full disk or journal is looked at again after this time. */
export const journalRoomRetryMs = 1_000;
/** Problems that a replay describes one by one; the rest is only counted. */
export const journalProblemsMax = 1_000;
/** Separate stretches of positions that a replay keeps; a journal with more is not whole anyway. */
export const journalStretchesMax = 10_000;
/** What the search for a frame behind damage may run through CRC, per segment. */
export const journalSearchBytesMax = 512 * 1_048_576;
/** A replay lets others run after so many bytes of frames. */
export const journalReplaySliceBytes = 262_144;

assert(frameEventsMax <= journalFrameCellsMax, 'a frame has a cell for each of its events');
assert(
  journalFrameCellsMax * journalCellBytesMax < journalFrameBytesMax,
  'a frame of the most cells fits its bound',
);
assert(budgetJournalMs <= budgetCellsMs, 'samples are kept for the longest window');
assert(ballastReleaseBytes <= ballastBytesMin, 'a released ballast helps');
assert(ballastBytesMax > 2 * journalSegmentBytes, 'a ballast is a new identity and a flush');
assert(ballastBytesMax < journalDiskFreeBytesMin, 'the journal stops before the ballast is due');
assert(journalReserveBytes < journalSegmentBytes, 'a new segment is not yet at its reserve');

// ── HTTP room ──
/** A request's body, as sent and after inflation. */
export const bodyBytesMax = 1_048_576;
/** Bytes beyond `bodyBytesMax` that are read and thrown away, so that the sender sees the 413. */
export const bodyDiscardBytesMax = 8 * 1_048_576;
/** Events of one request. */
export const requestEventsMax = 10_000;
/** One event as sent; also what may stand around the events of a request. */
export const eventBytesMax = 2_048;
/** All header lines of a request together. */
export const headerBytesMax = 8_192;
/** Header lines of a request. */
export const headersMax = 64;
/** n of one event. */
export const eventCountMax = 1_000_000;
/** An event older than this is `stale`. */
export const eventAgeMsMax = 24 * 3_600_000;
/** An event further ahead than this is `future`; nearer ones count now. */
export const eventAheadMsMax = 5 * 60_000;
/** Rejected events that an answer lists; the others are a number. */
export const rejectedListedMax = 100;
/** Ads of one query. */
export const adsAskedMax = 100;
/** Rows of a page, unless asked otherwise, and at most. */
export const pageRowsDefault = 100;
export const pageRowsMax = 1_000;
/** A request's header lines, then the whole request, must have arrived within these. */
export const headersTimeoutMs = 5_000;
export const requestTimeoutMs = 10_000;
/** How often those two are looked at. */
export const connectionsCheckMs = 1_000;
/** Longer than the idle time-out of a load balancer (60 s), so that it closes first. */
export const keepAliveTimeoutMs = 65_000;
/** A connection on which nothing moves: a reader that does not read. */
export const socketIdleMsMax = 120_000;
export const connectionsMax = 10_000;
/** A drain cuts what is still open after this. */
export const httpDrainMsMax = 12_000;
/** A drain cuts what owes nothing and brought nothing for so long. */
export const httpDrainQuietMs = 500;

assert(headersTimeoutMs <= requestTimeoutMs, 'header lines are part of the request');
assert(requestTimeoutMs < httpDrainMsMax, 'a drain outlasts every request that is still arriving');
assert(httpDrainQuietMs < httpDrainMsMax, 'quiet connections end before all are cut');
assert(eventBytesMax < bodyBytesMax, 'an event fits a body');
assert(keepAliveTimeoutMs < socketIdleMsMax, 'an idle connection ends by keep-alive first');

// ── Store rooms and queries ──
/** Bytes of one batch of puts; a larger flush goes in several, one after the other. */
export const putBatchBytesMax = 8 * 1_048_576;
/** Encoding gives the event loop back after so long. */
export const encodeSliceMs = 2;
/** Scans of one process under way at once, over all queries. */
export const scansConcurrentMax = 32;
/** Scans that wait for their turn: 100 questions for 100 ads of 16 salts each. */
export const scansWaitingMax = 160_000;
/** Embedded: calls that wait for the one queue of writes. */
export const embeddedJobsMax = 1_000;
/** Embedded: puts of one synced write, but for a row that is longer. */
export const embeddedPutsPerWrite = 1_000;
/** Embedded: bytes of one synced write, but for a put that is larger. */
export const embeddedWriteBytesMax = 8 * 1_048_576;
/** Embedded: scans under way at once, as many as Node has threads for them. */
export const embeddedScansConcurrentMax = 4;
/** Embedded: cells of one step of a scan. */
export const embeddedScanCells = 1_000;
/** Embedded: bytes that one step of a scan holds. */
export const embeddedScanBytesMax = 1_048_576;
/** A question is answered or refused within this time. */
export const queryTimeoutMs = 10_000;
/** The same for a question that asks for a flush first. */
export const queryFreshTimeoutMs = 30_000;
/** Ads of one question that are read at once. */
export const queryAdsConcurrentMax = 4;
/** Sites that one answer sums before it asks for a shorter range. */
export const querySitesMax = 1_000_000;

assert(embeddedWriteBytesMax <= putBatchBytesMax, 'a batch is at least one synced write');
assert(readBackScansConcurrent < scansConcurrentMax, 'a read-back leaves room for questions');
assert(embeddedScansConcurrentMax <= scansConcurrentMax, 'embedded scans wait for one another');
assert(queryTimeoutMs <= queryFreshTimeoutMs, 'a flush first takes longer, not shorter');

// ── Workers ──
/** Questions under way between the primary and one worker. */
export const workerAsksMax = 4_096;
/** A worker that does not say for so long what it has at hand is left out of the answer. */
export const workerAnswerMs = 4_000;
/** All workers flush, or recover what one of them left. */
export const workerFlushMs = 28_000;
/** Until the primary has put their answers together, and had recovered what ended meanwhile. */
export const workersFlushMs = 60_000;
/** A worker that is told to start must serve within this time, or it is ended and started anew. */
export const workerStartMs = 60_000;
/** Beyond its own grace a worker that stops is given so long before it is killed. */
export const workerKillMs = 2_000;
/** A worker that served for so long and then ends is no crash loop: it is started anew at once. */
export const workerSteadyMs = 60_000;
/** Before the next start of one that ends again and again: doubled each time, with jitter. */
export const workerRestartMs = 500;
export const workerRestartMsMax = 60_000;
/** So many starts of one slot in a row without a steady one are an alarm. */
export const workerCrashesMax = 3;
/** Starts of the last hour beyond which there is one too: each is a writer of its own. */
export const workerStartsPerHourMax = 50;
/** Whether each worker answers is looked at so often; a later look says that we stood still. */
export const workerLookMs = 5_000;
export const workerLateLookMs = 5_000;
/** One that answers nothing for so many looks in a row, a minute, hangs, and is ended. */
export const workerSilenceLooksMax = 12;
/** What a dead worker left is looked at again after this time, where the store was away. */
export const workerRecoverRetryMs = 5_000;

assert(flushTimeoutMs < workerFlushMs, 'the puts of a round end before its answer is given up');
assert(2 * workerFlushMs < workersFlushMs, 'who asks all workers outlasts each of them');
assert(registryTimeoutMs < workerAnswerMs, 'a status with the store away is an answer');
assert(2 * workerAnswerMs < queryTimeoutMs, 'a question lasts longer than the part of the workers');
assert(workerFlushMs < queryFreshTimeoutMs, 'a fresh question outlasts the flush of all workers');
assert(
  workerLookMs * workerSilenceLooksMax >= 10 * workerAnswerMs,
  'a worker that is slow is left out of answers long before it is ended',
);
assert(workerRestartMs <= workerRestartMsMax, 'waits grow to their bound');

// ── Commands ──
/** `adcounter total`: longer than any question may take in the service. */
export const cliTimeoutMs = 60_000;
/** `adcounter flush`: a round with a large backlog takes its time. */
export const cliFlushTimeoutMs = 300_000;
/** `adcounter healthcheck`: under the time that a container's HEALTHCHECK allows. */
export const cliHealthTimeoutMs = 3_000;
/** `adcounter schema`: tables are created one after the other. */
export const cliSchemaTimeoutMs = 120_000;
/** `adcounter schema verify`, which only asks, and the first question of `create`. */
export const cliSchemaVerifyTimeoutMs = 20_000;
/** `adcounter recover --wait`: between two looks at the registry. */
export const recoverPollMs = 20_000;

assert(recoverPollMs < silenceGapMs, 'a command that waits watches without a gap');

/** `adcounter copy`: a page of one of the scans that are read side by side, one for each salt. */
export const copyPageBytesMax = 262_144;
/** Bytes of one batch of puts; one is under way while the next one is filled. */
export const copyBatchBytesMax = 4 * 1_048_576;
/** One call of a copy, the client's own retries included. */
export const copyScanMs = 120_000;
export const copyPutMs = 60_000;
/** Puts of one batch before the copy gives up, and the wait in between. */
export const copyAttemptsMax = 5;
export const copyRetryMs = 2_000;
/** Cells of the source that are compared at once, but for a row that is longer. */
export const copyChunkCells = 20_000;
/** Scans of the other store under way at once while they are. */
export const copyScansConcurrentMax = 16;
/** Ads that are told one by one where totals differ. */
export const copyExamplesMax = 20;
/** Between two lines that say how far it is, and between two moves of a progress bar. */
export const progressLineMs = 10_000;
export const progressBarMs = 200;

assert(copyPageBytesMax <= copyBatchBytesMax, 'a batch is filled from several salts');
assert(progressBarMs <= progressLineMs, 'a bar moves more often than a line is written');
/** `adcounter doctor`: one step towards a server: its name resolved, connected, a session. */
export const doctorStepMs = 3_000;
/** One call to a server that answered so far. */
export const doctorCallMs = 5_000;
/** All of it, also where every address is dark; what is not done by then is skipped. */
export const doctorTotalMs = 60_000;
/** Servers that are looked at together. */
export const doctorServersConcurrentMax = 16;
/** Region servers that are looked at one by one, and lines that are told of one kind. */
export const doctorServersMax = 200;
/** Paths of ZooKeeper's root that are searched for the znode that was meant. */
export const doctorPathsMax = 50;
/** A clock that differs by less is no news; a server's report may also be so old. */
export const doctorClockMs = 2_000;
export const doctorReportLagMs = 3_000;
/** Less free space than this is worth a warning. */
export const doctorDiskLowBytes = 1_073_741_824;

assert(doctorStepMs + doctorCallMs < doctorTotalMs, 'there is time for more than one server');
assert(doctorClockMs + doctorReportLagMs < clockLeapMs, 'a clock is warned of before it leaps');
assert(doctorDiskLowBytes > journalDiskFreeBytesMin, 'a disk is warned of before it is full');
assert(cliTimeoutMs > queryFreshTimeoutMs, 'a command waits longer than the service it asks');
