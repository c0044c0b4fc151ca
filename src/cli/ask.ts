// Asks a running service over HTTP, for the commands; says in one line why it could not.
// Never retries, and never shows the key that it sends.
import { exitCodes, type ExitCode, type Invocation } from './command.ts';

export interface Question {
  readonly method: 'GET' | 'POST';
  /** From `/v1`, its parts percent-encoded. */
  readonly path: string;
  /** The keys that may be used; the first is. */
  readonly keys: readonly string[];
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The answer, or the exit code after telling what is wrong. */
export async function ask(
  { config, terminal }: Invocation,
  question: Question,
): Promise<Answer | ExitCode> {
  let answer: Answer;
  try {
    answer = await send(config.url, question);
  } catch (thrown) {
    const reason = `${reasonOf(thrown)}; --url or ADCOUNTER_URL says where to ask`;
    terminal.err(`adcounter: no answer from ${config.url}: ${reason}\n`);
    return exitCodes.not;
  }
  if (answer.status < 400) return answer;

  const { title, detail } = answer.body;
  const words = [title, detail].filter((part) => typeof part === 'string').join(': ');
  terminal.err(`adcounter: ${words === '' ? 'refused' : words} (status ${answer.status})\n`);
  return answer.status === 400 ? exitCodes.wrongUse : exitCodes.not;
}

/** A value of an answer as a person reads it. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'unknown');
}

async function send(baseUrl: string, question: Question): Promise<Answer> {
  const key = question.keys[0];
  const response = await fetch(baseUrl.replace(/\/$/, '') + question.path, {
    method: question.method,
    headers: {
      Accept: 'application/json',
      ...(key === undefined ? {} : { Authorization: `Bearer ${secretOf(key)}` }),
    },
    redirect: 'error',
    signal: AbortSignal.timeout(question.timeoutMs),
  });
  const body = objectOf(await response.text());
  if (body === undefined && response.ok) throw new Error('that is no adcounter');
  return { status: response.status, body: body ?? {} };
}

function objectOf(text: string): Answer['body'] | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

/** A key is configured as `name:secret` or as a bare secret. */
function secretOf(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}

/** fetch hides what happened behind "fetch failed". */
function reasonOf(thrown: unknown): string {
  const error = thrown as Error & { readonly cause?: Error & { readonly code?: string } };
  if (error.name === 'TimeoutError') return 'it took too long';
  return error.cause?.code ?? error.cause?.message ?? error.message;
}
