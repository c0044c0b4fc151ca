// The query string, read strictly: broken percent-encoding is refused, never repaired.
// Keeps the order and every repetition; what a parameter means is the caller's matter.
import { Problem, parameterProblem } from './problems.ts';

interface Parameter {
  readonly name: string;
  readonly value: string;
  /** As it was sent: parts of a value may be percent-encoded on their own. */
  readonly raw: string;
}

export class Parameters {
  readonly #all: readonly Parameter[];

  constructor(query: string) {
    const all: Parameter[] = [];
    for (const pair of query === '' ? [] : query.split('&')) {
      if (pair === '') continue;
      const equals = pair.indexOf('=');
      const name = decoded(equals < 0 ? pair : pair.slice(0, equals));
      const raw = equals < 0 ? '' : pair.slice(equals + 1);
      all.push({ name, value: decoded(raw), raw });
    }
    this.#all = all;
  }

  /** The one value, or undefined; a parameter that is given twice is refused. */
  one(name: string): string | undefined {
    const found = this.#all.filter((parameter) => parameter.name === name);
    if (found.length > 1) throw parameterProblem(name, 'is given more than once');
    return found[0]?.value;
  }

  every(name: string): readonly string[] {
    return this.#all.filter((parameter) => parameter.name === name).map(({ value }) => value);
  }

  everyRaw(name: string): readonly string[] {
    return this.#all.filter((parameter) => parameter.name === name).map(({ raw }) => raw);
  }

  /** How many are neither known nor ignored. */
  countOthers(known: ReadonlySet<string>): number {
    return this.#all.filter(({ name }) => !known.has(name)).length;
  }

  refuseOthers(known: ReadonlySet<string>): void {
    const other = this.#all.find(({ name }) => !known.has(name));
    if (other === undefined) return;
    const name = JSON.stringify(other.name.slice(0, 64));
    const detail = `not known here; known are ${[...known].join(', ') || 'none'}`;
    throw new Problem('parameter_unknown', `The parameter ${name} is ${detail}.`, {
      errors: [{ pointer: `/query/${pointerPart(other.name.slice(0, 64))}`, detail }],
    });
  }
}

/** `+` is a blank, as in every HTML form; broken percent-encoding is a Problem. */
export function decoded(raw: string): string {
  const text = raw.includes('+') ? raw.replaceAll('+', ' ') : raw;
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Problem('parameter_invalid', 'The query string has broken percent-encoding.');
  }
}

export function booleanOf(parameters: Parameters, name: string): boolean {
  const value = parameters.one(name);
  if (value === undefined || value === 'false') return false;
  if (value !== 'true') throw parameterProblem(name, 'is true or false');
  return true;
}

/** Escapes a name for use in a JSON pointer (RFC 6901). */
function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
