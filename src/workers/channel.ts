// Questions and answers between a primary and one of its workers, over the channel that node gives
// them. Both ends are this program, so what comes is trusted to have its shape.
// Promises that every question is answered, or fails in time or when the other end is gone.
import { workerAsksMax } from '../limits.ts';
import { CounterError, toError } from '../model/errors.ts';

/** Who answers, by the name of the question. */
export type Answers = Readonly<Record<string, (detail: unknown) => unknown>>;

type Message =
  | { readonly adcounter: 'ask'; readonly id: number; readonly what: string; detail?: unknown }
  | { readonly adcounter: 'answer'; readonly id: number; readonly value?: unknown }
  | { readonly adcounter: 'failure'; readonly id: number; readonly message: string };

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Channel {
  readonly #send: (message: object) => void;
  readonly #answers: Answers;
  readonly #pending = new Map<number, Pending>();
  #asked = 0;
  #closed = false;

  constructor(send: (message: object) => void, answers: Answers) {
    this.#send = send;
    this.#answers = answers;
  }

  async ask(what: string, detail: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#closed) throw gone();
    if (this.#pending.size >= workerAsksMax) throw new CounterError('WORKER_BUSY', 'throttle');
    const id = ++this.#asked;
    let late: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        late = setTimeout(() => reject(new CounterError('WORKER_SILENT', 'retry')), timeoutMs);
        this.#post({ adcounter: 'ask', id, what, detail });
      });
    } finally {
      clearTimeout(late);
      this.#pending.delete(id);
    }
  }

  /** Everything that comes over the channel; what is not ours (node's own) is left alone. */
  receive(raw: unknown): void {
    if (typeof raw !== 'object' || raw === null || !('adcounter' in raw)) return;
    const message = raw as Message;
    switch (message.adcounter) {
      case 'ask':
        void this.#answer(message.id, message.what, message.detail);
        break;
      case 'answer':
        this.#pending.get(message.id)?.resolve(message.value);
        break;
      case 'failure':
        this.#pending
          .get(message.id)
          ?.reject(new CounterError('WORKER_FAILED', 'retry', { detail: message.message }));
    }
  }

  /** The other end is gone: nobody answers any more. */
  close(): void {
    this.#closed = true;
    for (const { reject } of this.#pending.values()) reject(gone());
  }

  async #answer(id: number, what: string, detail: unknown): Promise<void> {
    try {
      const answer = this.#answers[what];
      if (answer === undefined) throw new CounterError('WORKER_QUESTION_UNKNOWN', 'give-up');
      this.#post({ adcounter: 'answer', id, value: await answer(detail) });
    } catch (thrown) {
      this.#post({ adcounter: 'failure', id, message: toError(thrown).message });
    }
  }

  #post(message: Message): void {
    if (!this.#closed) this.#send(message);
  }
}

function gone(): CounterError {
  return new CounterError('WORKER_GONE', 'retry');
}
