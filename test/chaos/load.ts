// The clients of a chaos run: each has an ad and a book of its own, sends its next request when
// the last one is answered, and goes to the next instance when refused, as behind a balancer.
// Narrow ones send one event a request; wide ones walk over thousands of sites in batches.
// Promises that nothing is under way after stop(), and that the books hold all that was sent.
import { Agent, request } from 'node:http';
import { wait } from '../crash/load.ts';
import type { Account, AckLevel } from './account.ts';
import { Pace } from './pace.ts';
import { answered, leftWithout } from './target.ts';
import type { Target } from './target.ts';

export interface Request {
  readonly body: string;
  /** Counts of it. */
  readonly n: number;
}

export interface ClientOptions {
  readonly account: Account;
  /** Sent one after the other, over and over. */
  readonly requests: readonly Request[];
  /** Which instance it goes to while nobody refuses it. */
  readonly home: number;
}

type Answer = 'memory' | 'journal' | 'store' | 'refused' | 'unknown';

/** A client that was sent elsewhere goes home after so long, as a balancer would have it. */
const homeAgainMs = 10_000;
const pauseAfterRefusalMs = 50;
/** Of a client with one event a request, once the load is paced. */
const narrowPauseMs = 30;
const answerTimeoutMs = 60_000;

export class Load {
  /** Where clients send; instances come and go. */
  readonly targets: Target[];
  readonly accounts: readonly Account[];
  /** Events acknowledged since the start. */
  events = 0;
  refusedRequests = 0;
  /** Faults under which a writer may begin that the store does not know yet. */
  storeTroubles = 0;
  isStoreAway = false;
  /** By what clients ask for: while the store is away an answer at `store` takes its 5 seconds. */
  readonly longestRefusalMs = new Map<AckLevel, number>();
  readonly #clients: readonly Client[];
  readonly #pace = new Pace();
  #loops: Promise<void>[] = [];
  #stopped = false;

  constructor(options: { readonly targets: Target[]; readonly clients: readonly ClientOptions[] }) {
    this.targets = options.targets;
    this.#clients = options.clients.map((client) => new Client(client));
    this.accounts = options.clients.map(({ account }) => account);
  }

  start(): void {
    this.#loops = this.#clients.map((client) => this.#send(client));
  }

  /** From now on so many events a second, of wide clients. */
  paceTo(perSecond: number): void {
    this.#pace.set(perSecond);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const client of this.#clients) {
      // One that was never answered again was refused until now.
      this.#refusalEnds(client);
      client.close();
    }
  }

  async #send(client: Client): Promise<void> {
    while (!this.#stopped) {
      const next = client.next();
      if (!client.isWide && this.#pace.isSet) await wait(narrowPauseMs);
      else await wait(this.#pace.take(client.eventsOf(next)));
      const target = client.targetOf(this.targets);
      if (this.#stopped || target === undefined) continue;
      const sentMs = performance.now();
      const answer = await client.send(target, next, () => this.storeTroubles === 0);
      if (answer === 'refused' || answer === 'unknown') {
        if (answer === 'refused') this.refusedRequests++;
        leftWithout(target, sentMs);
        client.refusedAtMs ??= sentMs;
        client.goElsewhere();
        await wait(pauseAfterRefusalMs);
      } else {
        this.events += client.eventsOf(next);
        answered(target);
        this.#refusalEnds(client);
      }
    }
  }

  #refusalEnds(client: Client): void {
    if (client.refusedAtMs === undefined) return;
    const lasted = performance.now() - client.refusedAtMs;
    const longest = this.longestRefusalMs.get(client.level) ?? 0;
    this.longestRefusalMs.set(client.level, Math.max(longest, lasted));
    client.refusedAtMs = undefined;
  }
}

class Client {
  /** Since when it has sent and not been acknowledged. */
  refusedAtMs: number | undefined;
  readonly #options: ClientOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #sent = 0;
  #away = 0;
  #awayUntilMs = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get level(): AckLevel {
    return this.#options.account.level;
  }

  get isWide(): boolean {
    return this.#options.account.isWide;
  }

  next(): Request {
    const { requests } = this.#options;
    const next = requests[this.#sent++ % requests.length];
    if (next === undefined) throw new Error('a client has something to send');
    return next;
  }

  eventsOf({ n }: Request): number {
    return this.isWide ? n : 1;
  }

  targetOf(targets: readonly Target[]): Target | undefined {
    if (performance.now() > this.#awayUntilMs) this.#away = 0;
    return targets[(this.#options.home + this.#away) % targets.length];
  }

  goElsewhere(): void {
    this.#away++;
    this.#awayUntilMs = performance.now() + homeAgainMs;
  }

  async send(target: Target, { body, n }: Request, isTimely: () => boolean): Promise<Answer> {
    const { account } = this.#options;
    account.inFlight += n;
    target.inFlight++;
    const url = `${target.address}/v1/impressions?ack=${account.level}`;
    const answer = await post(url, body, this.#agent);
    target.inFlight--;
    account.inFlight -= n;
    if (answer === 'unknown') account.unknown += n;
    else if (answer !== 'refused') account.acknowledge(n, answer, isTimely());
    return answer;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Refused: nothing was sent, or it was told that nothing was counted. */
function post(url: string, body: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' };
    const timeout = answerTimeoutMs;
    const options = { method: 'POST', agent, headers, timeout };
    const sending = request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => resolve('unknown'));
      response.on('end', () => {
        // Half an answer is none: the connection was cut.
        if (!response.complete) resolve('unknown');
        else resolve(answerOf(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
      });
    });
    sending.on('timeout', () => sending.destroy());
    sending.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'unknown');
    });
    sending.end(body);
  });
}

function answerOf(status: number, text: string): Answer {
  if (status === 200 || status === 202) return levelOf(text);
  const isRefusal = (status === 503 || status === 429) && !text.includes('outcome');
  return isRefusal ? 'refused' : 'unknown';
}

function levelOf(text: string): AckLevel {
  const { ack, accepted, counted } = JSON.parse(text) as Record<string, unknown>;
  if (accepted !== counted) throw new Error(`not all of a request counted: ${text}`);
  return ack === 'memory' || ack === 'store' ? ack : 'journal';
}
