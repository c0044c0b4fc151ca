// The counting function: the bytes, headers and query of a request in, its answer out.
// Promises that nothing of a request counts before all of it was read and checked, and that
// accepted + rejected is what was sent. Knows neither Express nor node's request: it may be
// mounted in front of either. Throws a Problem for what is refused as a whole.
import type { IncomingHttpHeaders } from 'node:http';
import { assert } from '../model/assert.ts';
import type { Acknowledgement } from '../model/event.ts';
import { measureCodes } from '../model/measure.ts';
import type { MeasureName } from '../model/measure.ts';
import { jsonTextAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { inflated } from './inflate.ts';
import { Parameters, booleanOf } from './parameters.ts';
import { pixelAnswer, pixelParameters, readPixel, resultOf } from './pixel.ts';
import type { HttpOptions } from './ports.ts';
import { Problem, parameterProblem } from './problems.ts';
import { readEvents } from './read-events.ts';
import type { BodyForm, SentEvents } from './read-events.ts';
import { Verdicts, tokenProblem } from './verdicts.ts';

export type CountingEndpoint = MeasureName | 'pixel';

export interface CountingInput {
  readonly bytes: Buffer;
  readonly headers: IncomingHttpHeaders;
  /** What stands behind the question mark, as sent. */
  readonly query: string;
}

export type Counting = (endpoint: CountingEndpoint, input: CountingInput) => Promise<Answer>;

type CountingPorts = Pick<
  HttpOptions,
  'accepting' | 'metrics' | 'defaultAcknowledgement' | 'nowMs'
>;

interface Wish {
  readonly measure: MeasureName;
  readonly acknowledgement: Acknowledgement;
  readonly dryRun: boolean;
}

interface Counted {
  readonly verdicts: Verdicts;
  /** What holds, which is less than the wish where the store did not confirm in time. */
  readonly acknowledged: Acknowledgement;
}

/** A URL that differs each time passes every cache; these never mean anything else. */
const cacheBusters = ['cb', 'rnd', 'ord', '_'];
const bodyParameters = new Set(['ack', 'dryRun', ...cacheBusters]);
const knownPixelParameters = new Set([...pixelParameters, 'ack', 'dryRun', ...cacheBusters]);

export function createCounting(ports: CountingPorts): Counting {
  async function count(sent: SentEvents, wish: Wish): Promise<Counted> {
    const { measure, acknowledgement, dryRun } = wish;
    const nowMs = Math.floor(ports.nowMs());
    const checking = { measure: measureCodes[measure], nowMs, unknownFields: 0 };
    const verdicts = new Verdicts(sent, checking);
    if (dryRun) return { verdicts, acknowledged: acknowledgement };
    let acknowledged = acknowledgement;
    if (verdicts.events.length > 0) {
      const result = await ports.accepting.accept(verdicts.events, acknowledgement);
      const decided = result.countedEvents + result.refused.length;
      assert(decided === verdicts.events.length, 'ingest decides on every event');
      verdicts.refuse(result.refused);
      acknowledged = result.acknowledged;
    }
    record(verdicts, measure, sent.values.length);
    return { verdicts, acknowledged };
  }

  function record(verdicts: Verdicts, measure: MeasureName, events: number): void {
    const { metrics } = ports;
    const counted = events - verdicts.rejectedTotal;
    if (counted > 0) metrics.events(measure, 'counted', counted);
    if (verdicts.unknownFields > 0) metrics.unknownFields(verdicts.unknownFields);
    if (verdicts.rejectedTotal === 0) return;
    metrics.events(measure, 'rejected', verdicts.rejectedTotal);
    for (const [reason, rejected] of verdicts.rejectedByReason) metrics.rejected(reason, rejected);
  }

  async function countBody(measure: MeasureName, input: CountingInput): Promise<Answer> {
    const parameters = new Parameters(input.query);
    parameters.refuseOthers(bodyParameters);
    refuseRequestToken(input.headers);
    const acknowledgement = acknowledgementOf(parameters, ports.defaultAcknowledgement);
    const dryRun = booleanOf(parameters, 'dryRun');
    const form = formOf(input.headers['content-type']);
    const bytes = await inflated(input.bytes, input.headers['content-encoding']);
    const sent = readOrTell(bytes, form, dryRun ? undefined : measure);
    const { verdicts, acknowledged } = await count(sent, { measure, acknowledgement, dryRun });
    return bodyAnswer(verdicts, { events: sent.values.length, acknowledged, dryRun });
  }

  /** What is not JSON as a whole is one rejected item: how many it might have been, none knows. */
  function readOrTell(bytes: Buffer, form: BodyForm, measure: MeasureName | undefined): SentEvents {
    try {
      return readEvents(bytes, form);
    } catch (thrown) {
      const notJson =
        thrown instanceof Problem &&
        (thrown.problem === 'not_json' || thrown.problem === 'not_utf8');
      if (notJson && measure !== undefined) {
        ports.metrics.events(measure, 'rejected', 1);
        ports.metrics.rejected('not_json', 1);
      }
      throw thrown;
    }
  }

  async function countPixel(input: CountingInput): Promise<Answer> {
    const parameters = new Parameters(input.query);
    refuseRequestToken(input.headers);
    if (parameters.every('id').length > 0) throw tokenProblem('/query/id');
    const acknowledgement = acknowledgementOf(parameters, ports.defaultAcknowledgement);
    const dryRun = booleanOf(parameters, 'dryRun');
    const { measure, sent } = readPixel(parameters, parameters.countOthers(knownPixelParameters));
    const { verdicts, acknowledged } = await count(sent, { measure, acknowledgement, dryRun });
    const { rejectedTotal } = verdicts;
    const events = sent.values.length;
    const result = resultOf(verdicts.rejected()[0]?.reason, rejectedTotal, events, dryRun);
    const late = acknowledged === acknowledgement ? '' : `; ack=${acknowledged}`;
    return pixelAnswer(rejectedTotal === events ? 400 : 200, `${result}${late}`);
  }

  return (endpoint, input) =>
    endpoint === 'pixel' ? countPixel(input) : countBody(endpoint, input);
}

function refuseRequestToken(headers: IncomingHttpHeaders): void {
  if (headers['idempotency-key'] !== undefined) throw tokenProblem('/header/Idempotency-Key');
}

function acknowledgementOf(
  parameters: Parameters,
  acknowledgement: Acknowledgement,
): Acknowledgement {
  const asked = parameters.one('ack');
  if (asked === undefined) return acknowledgement;
  if (asked === 'memory' || asked === 'journal' || asked === 'store') return asked;
  throw parameterProblem('ack', 'is memory, journal or store');
}

const forms: Readonly<Record<string, BodyForm>> = {
  'application/json': 'json',
  'text/plain': 'json',
  'application/x-ndjson': 'ndjson',
};

function formOf(contentType: string | undefined): BodyForm {
  // The spelling of nearly every ad server needs no taking apart.
  if (contentType === 'application/json') return 'json';
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const name = type.trim();
  const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
  if (form === undefined) {
    const what = /^[\w.+/-]{1,100}$/.test(name)
      ? `The Content-Type is ${name}`
      : 'There is no Content-Type';
    throw unsupported(
      `${what}; it must name what the body holds (curl: -H 'Content-Type: application/json').`,
    );
  }
  for (const parameter of parameters) {
    const [key = '', value = ''] = parameter.split('=');
    const charset = value.trim().replaceAll('"', '');
    if (key.trim() === 'charset' && charset !== 'utf-8' && charset !== 'utf8') {
      throw unsupported('The charset is not utf-8.');
    }
  }
  return form;
}

function unsupported(what: string): Problem {
  return new Problem(
    'unsupported_media_type',
    `${what} Send application/json, application/x-ndjson or text/plain in UTF-8.`,
    { headers: { 'Accept-Post': 'application/json, application/x-ndjson, text/plain' } },
  );
}

interface Outcome {
  readonly events: number;
  readonly acknowledged: Acknowledgement;
  readonly dryRun: boolean;
}

function bodyAnswer(verdicts: Verdicts, outcome: Outcome): Answer {
  const { events, acknowledged, dryRun } = outcome;
  const accepted = events - verdicts.rejectedTotal;
  if (accepted === 0 && events > 0) throw allRejected(verdicts, acknowledged);
  const rejected = verdicts.rejectedTotal === 0 ? '[]' : JSON.stringify(verdicts.rejected());
  return jsonTextAnswer(
    // 202: what is counted is still on its way into the store, and comes there without a retry.
    dryRun || acknowledged === 'store' ? 200 : 202,
    `{"accepted":${accepted},"counted":${accepted},"filtered":{},"duplicates":0,"pending":0,` +
      `"rejected":${rejected},"rejectedTotal":${verdicts.rejectedTotal},` +
      `"ack":"${acknowledged}"}`,
  );
}

/** The problem document carries the members of the answer too: one reader fits both. */
function allRejected(verdicts: Verdicts, acknowledged: Acknowledgement): Problem {
  const total = verdicts.rejectedTotal;
  const detail = total === 1 ? 'The event was rejected.' : `All ${total} events were rejected.`;
  return new Problem('all_rejected', `${detail} Nothing was counted.`, {
    errors: verdicts.rejectedErrors(),
    members: {
      accepted: 0,
      counted: 0,
      filtered: {},
      duplicates: 0,
      pending: 0,
      rejected: verdicts.rejected(),
      rejectedTotal: total,
      ack: acknowledged,
    },
  });
}
