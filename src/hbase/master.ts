// Calls to the active master, found anew when it has gone, and procedures that it carries out.
// Promises that a procedure is done when it returns, and that sending its start again starts no
// second one: each carries a nonce by which the master knows it. Never knows what is asked for.
import { randomInt } from 'node:crypto';
import { hbaseProcedurePollMs } from '../limits.ts';
import { messageIn } from './connection.ts';
import type { Connections } from './connections.ts';
import { persist, timeoutFailure } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import type { Discovery } from './discovery.ts';
import { failureOf, toCounterError } from './failures.ts';
import type { ServerAddress } from './host-map.ts';
import { addressOf } from './locator.ts';
import { messages } from './messages.ts';
import type { Int64, Message, Nonces } from './messages.ts';
import type { HBaseObserver } from './observer.ts';

export interface MasterOptions {
  readonly connections: Connections;
  readonly discovery: Pick<Discovery, 'master'>;
  readonly observer: HBaseObserver;
  readonly rpcTimeoutMs: number;
}

const stateFinished = 2;
const stateNotFound = 0;
const nonceMax = 2 ** 47;

export class Master {
  readonly #options: MasterOptions;
  #address: ServerAddress | null = null;

  constructor(options: MasterOptions) {
    this.#options = options;
  }

  /** Sent again until it is answered: for what may be done twice, or carries a nonce. */
  async call<Decoded>(
    method: string,
    body: Buffer,
    message: Message<never, Decoded> | null,
    deadline: Deadline,
  ): Promise<Decoded> {
    const { connections, discovery, observer, rpcTimeoutMs } = this.#options;
    return await persist(
      deadline,
      () => observer.retry(method),
      async () => {
        this.#address ??= addressOf(await discovery.master(deadline));
        try {
          const request = {
            method,
            body,
            cellBytes: 0,
            timeoutMs: Math.min(rpcTimeoutMs, deadline.leftMs()),
            signal: deadline.signal,
          };
          return await connections.ask(this.#address, 'MasterService', request, (reply) =>
            messageIn(reply, message),
          );
        } catch (error) {
          if (toCounterError(error).remedy === 'relocate') this.#address = null;
          throw error;
        }
      },
    );
  }

  /** Starts something, then waits until the master says that it is done; false: it was before. */
  async procedure(
    method: string,
    body: Buffer,
    existsCode: string | null,
    deadline: Deadline,
  ): Promise<boolean> {
    let procId: Int64;
    try {
      ({ procId } = await this.call(method, body, messages.procedure, deadline));
    } catch (error) {
      if (toCounterError(error).code === existsCode) return false;
      throw error;
    }
    const question = messages.getProcedureResult.encodeDelimited({ procId });
    for (;;) {
      const result = await this.call(
        'getProcedureResult',
        question,
        messages.procedureResult,
        deadline,
      );
      const exception = result.exception?.genericException;
      if (exception) {
        const failure = failureOf(exception.className, exception.message, true);
        if (failure.code === existsCode) return false;
        throw failure;
      }
      // The master forgets a procedure some minutes after it has ended.
      if (result.state === stateFinished || result.state === stateNotFound) return true;
      if (!(await deadline.wait(hbaseProcedurePollMs))) {
        throw timeoutFailure(`${method} was not done in time`);
      }
    }
  }
}

/** Of one procedure, however often its start is sent; zero would say that there is none. */
export function nonces(): Nonces {
  return { nonceGroup: randomInt(1, nonceMax), nonce: randomInt(1, nonceMax) };
}
